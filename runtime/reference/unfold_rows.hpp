// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/unfold_rows.
#pragma once
#include <cstdint>

namespace weft::reference {
using namespace detail;

struct UnfoldRows {
    int64_t taps_y, taps_x, stride_y, stride_x, pad_y, pad_x;
    bool columns_first;

    /// The row, of a grid height x width, under a tap of the window at (h, w); -1: there is none.
    int64_t under(int64_t tap, int64_t h, int64_t w, int64_t height, int64_t width) const {
        const int64_t i = columns_first ? tap % taps_y : tap / taps_x, j = columns_first ? tap / taps_y : tap % taps_x,
                      y = h * stride_y + i - pad_y, x = w * stride_x + j - pad_x;
        return y >= 0 && y < height && x >= 0 && x < width ? y * width + x : -1;
    }
};

} // namespace weft::reference
