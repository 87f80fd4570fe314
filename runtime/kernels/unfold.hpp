// SPDX-License-Identifier: Apache-2.0
// L2: patches of pictures, spectrograms and waves as rows of a matrix.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[r, (c, i, j)] = x[c, h * stride_y + i - pad_y, w * stride_x + j - pad_x] of row r's picture; 0 outside of it.
/// The order of columns is that of a convolution's weight [out, C, patch_y, patch_x], so that `matmul` of y with it is
/// the convolution; one dimension is a picture of height 1. Strides may be smaller than the patch (overlap) or larger.
struct UnfoldArgs {
    Tensor x;        ///< f32, contiguous: the values of all pictures, each [C, height, width]
    Tensor pictures; ///< u32 [S, 4]: where in x a picture's values begin (in floats), height, width, unused; inside x
    Tensor token_sequence; ///< u32 [T]: which picture each row is from
    Tensor positions;      ///< u32 [2, T]: each row's h, then each row's w
    Tensor y;              ///< f32 [T, C * patch_y * patch_x]; may be a column slice
    uint32_t channels = 1;
    PatchCut cut;
    Extent rows = {1, Quantity::tokens};
};
void unfold(Recorder& r, const UnfoldArgs& a);

} // namespace weft::detail::kernel
