// SPDX-License-Identifier: Apache-2.0
// L2: heads of another size: padded with zeros, or cut.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[t, h, i] = x[t, h, i]; 0 where x's heads are smaller.
struct ResizeHeadsArgs {
    Tensor x; ///< f32 [T, heads * size]; may be a column slice
    Tensor y; ///< f32 [T, heads * other size]; may be a column slice; must not overlap x
    uint32_t heads = 1;
    Extent tokens = {1, Quantity::tokens};
};
void resize_heads(Recorder& r, const ResizeHeadsArgs& a);

} // namespace weft::detail::kernel
