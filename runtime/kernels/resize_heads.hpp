// SPDX-License-Identifier: Apache-2.0
// L2: heads of another size: padded with a number, or cut.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[t, h, i] = x[t, h, i], `fill` where x's heads are smaller; with `divides` over x[t, h, size of y's heads] + eps.
struct ResizeHeadsArgs {
    Tensor x; ///< f32 [T, heads * size]; may be a column slice
    Tensor y; ///< f32 [T, heads * other size]; may be a column slice; must not overlap x
    uint32_t heads = 1;
    float fill = 0.0f;
    bool divides = false; ///< x's heads are one channel larger, which stays behind
    float eps = 0.0f;
    Extent tokens = {1, Quantity::tokens};
};
void resize_heads(Recorder& r, const ResizeHeadsArgs& a);

} // namespace weft::detail::kernel
