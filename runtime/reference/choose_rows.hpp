// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/choose_rows.
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace weft::reference {
using namespace detail;

/// Which rows of a sequence are above 0.
inline std::vector<bool> above_zero(const std::vector<float>& scores) {
    std::vector<bool> chosen;
    for (const float x : scores) chosen.push_back(x > 0);
    return chosen;
}

/// Which are the `kept` largest; of equal ones the first.
inline std::vector<bool> largest(const std::vector<float>& scores, uint32_t kept) {
    std::vector<uint32_t> order(scores.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
    std::vector<bool> chosen(scores.size());
    for (uint32_t i = 0; i < kept; ++i) chosen[order[i]] = true;
    return chosen;
}

} // namespace weft::reference
