// SPDX-License-Identifier: Apache-2.0
// L2: windows over rows that lie in grids, as rows of a matrix.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[r, (t, c)] = x[at, c], where `at` is the row of r's sequence in x that lies under tap t of r's window, and 0 where
/// none does. A sequence's rows are a grid, line by line; r's place in its own grid says where its window begins. With
/// the weight of a convolution as [out, (i, j), C] `matmul` of y with it is the convolution.
struct UnfoldRowsArgs {
    Tensor x;              ///< f32 [T', C]; may be a column slice
    Tensor sequences;      ///< u32 [S, 8]: of the step of x
    Tensor sides;          ///< u32 [S, 2]: height and width of each sequence's grid in x; absent: 1 and its rows
    Tensor token_sequence; ///< u32 [T]: which sequence each row of y is from
    Tensor positions;      ///< u32 [T]: each row's place in it, line by line of its own grid
    Tensor y;              ///< f32 [T, taps * C]; may be a column slice
    PatchCut cut;          ///< patch_y, patch_x: taps down and across a window
    uint32_t first_tap = 0, taps = 0; ///< those that y has, of all in order; taps 0: all from the first
    /// The grids of y are those of x, whatever the padding is; strides are 1. Else they are what windows fit, with as
    /// many zeros below and right as above and left.
    bool same = false;
    bool columns_first = false; ///< taps run down a window's columns, not across its rows
    Extent rows = {1, Quantity::tokens};
};
void unfold_rows(Recorder& r, const UnfoldRowsArgs& a);

} // namespace weft::detail::kernel
