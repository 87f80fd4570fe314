// SPDX-License-Identifier: Apache-2.0
// L2: a convolution of each channel by itself, over rows that lie in grids.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[r, c] = act(bias[c] + sum over taps t of weight[t, c] x[at, c]), where `at` is the row of r's sequence that lies
/// under tap t of the window around r; nothing where none does. A sequence's rows are a grid, line by line.
struct DepthwiseConvArgs {
    Step step;     ///< sequences, token_sequence, and positions: each row's place in its grid
    Tensor sides;  ///< u32 [S, 2]: height and width of each sequence's grid; absent: 1 and its rows
    Tensor x;      ///< f32 [T, C]; may be a column slice
    Tensor weight; ///< f32 [taps_y * taps_x, C], contiguous
    Tensor bias;   ///< f32 [C], contiguous; absent: 0
    Tensor y;      ///< f32 [T, C]; may be a column slice; must not overlap x
    uint32_t taps_y = 1, taps_x = 1;
    uint32_t pad_y = 0, pad_x = 0; ///< taps above and left of r
    Activation activation = Activation::none;
};
void depthwise_conv(Recorder& r, const DepthwiseConvArgs& a);

} // namespace weft::detail::kernel
