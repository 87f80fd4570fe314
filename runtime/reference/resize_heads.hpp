// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/resize_heads.
#pragma once
#include <cstddef>
#include <vector>

namespace weft::reference {
using namespace detail;

/// One row: `heads` heads of `from` channels become heads of `to`.
inline std::vector<float> resized_heads(const float* x, size_t heads, size_t from, size_t to) {
    std::vector<float> y(heads * to, 0.0f);
    for (size_t h = 0; h < heads; ++h)
        for (size_t i = 0; i < from && i < to; ++i) y[h * to + i] = x[h * from + i];
    return y;
}

} // namespace weft::reference
