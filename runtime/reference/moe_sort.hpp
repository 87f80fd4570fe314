// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/moe_sort.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace weft::reference {
using namespace detail;

struct Sorted {
    std::vector<uint32_t> order, offsets;
};

inline Sorted moe_sort(const std::vector<uint32_t>& chosen, uint32_t experts) {
    Sorted s;
    for (uint32_t p = 0; p < chosen.size(); ++p)
        if (chosen[p] < experts) s.order.push_back(p);
    std::stable_sort(s.order.begin(), s.order.end(), [&](uint32_t a, uint32_t b) { return chosen[a] < chosen[b]; });
    for (uint32_t e = 0; e <= experts; ++e)
        s.offsets.push_back(
            uint32_t(std::count_if(chosen.begin(), chosen.end(), [&](uint32_t c) { return c < e && c < experts; })));
    return s;
}

} // namespace weft::reference
