// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/resize_heads.
#pragma once
#include <cstddef>
#include <vector>

namespace weft::reference {
using namespace detail;

/// One row: `heads` heads of `from` channels become heads of `to`, filled up, or divided by the channel behind and eps.
inline std::vector<double> resized_heads(const float* x, size_t heads, size_t from, size_t to, double fill,
                                         bool divides, double eps) {
    std::vector<double> y(heads * to, fill);
    for (size_t h = 0; h < heads; ++h)
        for (size_t i = 0; i < from && i < to; ++i)
            y[h * to + i] = double(x[h * from + i]) / (divides ? double(x[h * from + to]) + eps : 1);
    return y;
}

} // namespace weft::reference
