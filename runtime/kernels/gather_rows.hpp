// SPDX-License-Identifier: Apache-2.0
// L2: picks rows by index.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[o,:] = x[index[o] / divisor,:]. The rows that give logits: {x, step.outputs, y}. The rows of sorted pairs:
/// {x, order, y, k, {k, tokens}}.
/// An index beyond x gives zeros.
struct GatherRowsArgs {
    Tensor x;     ///< f32 [T, D]; may be a column slice
    Tensor index; ///< u32 [O]
    Tensor y;     ///< f32 [O, D]; may be a column slice
    uint32_t divisor = 1;
    Extent rows = {1, Quantity::outputs}; ///< how many indices are real
};
void gather_rows(Recorder& r, const GatherRowsArgs& a);

} // namespace weft::detail::kernel
