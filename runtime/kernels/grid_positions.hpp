// SPDX-License-Identifier: Apache-2.0
// L2: learned positions of a square of patches, for pictures of other sizes.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[t] = residual[t] + scale * table at the place of row t's patch, the table stretched over the patches of its
/// picture. A row that is nowhere (beyond the picture) has no position: y[t] = residual[t].
struct GridPositionsArgs {
    Tensor table;          ///< f32 [side, side, D]
    Tensor pictures;       ///< u32 [S, 4]: unused, height, width, unused
    Tensor token_sequence; ///< u32 [T]: which picture each row is from
    Tensor axes;           ///< u32 [2, T]: each row's h, then each row's w
    Tensor residual;       ///< f32 [T, D]; may be y itself
    Tensor y;              ///< f32 [T, D]; may be a column slice
    bool cubic = false;    ///< by four neighbours along an axis, not by two
    bool corners = true;   ///< the corners of the table and of the picture meet, not their edges ("align_corners")
    PatchCut cut;
    float scale = 1;
    Extent rows = {1, Quantity::tokens};
};
void grid_positions(Recorder& r, const GridPositionsArgs& a);

} // namespace weft::detail::kernel
