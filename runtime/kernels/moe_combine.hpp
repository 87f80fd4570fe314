// SPDX-License-Identifier: Apache-2.0
// L2: sums what the experts gave for each token.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[t,:] = residual[t,:] + scale * sum_j weights[t,j] * expert_out[t * k + j,:] + shared_scale *
/// shared[t,:] * sigmoid(shared_gate[t]).
/// The sum runs over j in increasing order. A pair of weight 0 is not read (dropped pairs may hold garbage).
struct MoeCombineArgs {
    Tensor expert_out; ///< f32 [T * k, D], by pair
    /// f32 [T, k]; absent: 1 (weights that went into the experts' input), then k is rows(expert_out) / rows(y).
    Tensor weights;
    Tensor shared;      ///< f32 [T, D]; may be a column slice; absent: 0
    Tensor shared_gate; ///< f32 [T, 1]; may be a column slice; absent: no gate
    Tensor residual;    ///< f32 [T, D]; may be y itself; absent: 0
    Tensor y;           ///< f32 [T, D]; may be a column slice
    float scale = 1.0f;
    float shared_scale = 1.0f;
    Extent tokens = {1, Quantity::tokens};
};
void moe_combine(Recorder& r, const MoeCombineArgs& a);

} // namespace weft::detail::kernel
