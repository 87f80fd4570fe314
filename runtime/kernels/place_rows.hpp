// SPDX-License-Identifier: Apache-2.0
// L2: rows of memories in the place of rows of a step.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// In place of a row's number: the row has no place.
inline constexpr uint32_t kNoPlace = ~0u;

/// y[t] = residual[t] + scale * v, v the row of all memories that places[t] counts, slot after slot; where that is
/// none, x[t], or 0 without x.
struct PlaceRowsArgs {
    Tensor x;        ///< f32 [T, D], absent: 0; may be a column slice
    Tensor places;   ///< u32 [T]: slot * capacity + row, or kNoPlace
    Tensor memory;   ///< f32 [slots, 1, capacity, D]
    Tensor residual; ///< f32 [T, D]; absent: 0
    Tensor y;        ///< f32 [T, D]; may be a column slice
    float scale = 1;
};
void place_rows(Recorder& r, const PlaceRowsArgs& a);

} // namespace weft::detail::kernel
