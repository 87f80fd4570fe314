// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/route_rows.
#pragma once
#include <cstdint>
#include <vector>

namespace weft::reference {
using namespace detail;

/// A sequence's tokens of a step, and how many of those before were chosen.
struct RoutedSequence {
    std::vector<bool> chosen;
    uint32_t past = 0, before = 0;
};

/// Of the chosen rows of a step which they are, their positions and sequences, these counted without those that have
/// none; of each row how many of its sequence's were chosen up to it.
struct RoutedRows {
    std::vector<uint32_t> index, positions, owner, counts, firsts;
};

inline RoutedRows route_rows(const std::vector<RoutedSequence>& step) {
    RoutedRows r;
    uint32_t row = 0, number = 0;
    for (const RoutedSequence& s : step) {
        const auto first = uint32_t(r.index.size());
        uint32_t count = s.before;
        for (uint32_t i = 0; i < s.chosen.size(); ++i, ++row) {
            if (s.chosen[i]) {
                r.index.push_back(row);
                r.positions.push_back(s.past + i);
                r.owner.push_back(number);
                ++count;
            }
            r.counts.push_back(count);
        }
        r.firsts.push_back(first);
        number += r.index.size() > first;
    }
    return r;
}

} // namespace weft::reference
