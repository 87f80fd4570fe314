// SPDX-License-Identifier: Apache-2.0
// L2: the state-space duality scan of Mamba-2.
#pragma once
#include "kernels/step.hpp"
#include <limits>

namespace weft::detail::kernel {

/// Per head h, with the B and C of group h / (heads / groups):
///   dt = clamp(softplus(dt_raw + dt_bias), dt_min, dt_max);  S = exp(dt A) S + dt x B^T;  y = S C + D x
/// heads, head size P, state size N and groups follow from the shapes. A sequence without
/// a past starts from a zero state.
struct SsdArgs {
    Step step;      ///< decode: one token a sequence, the step form
    Tensor x;       ///< f32 [T, heads * P]; may be a column slice
    Tensor b;       ///< f32 [T, groups * N]; may be a column slice
    Tensor c;       ///< f32 [T, groups * N]; may be a column slice
    Tensor dt;      ///< f32 [T, heads]: before bias and softplus; may be a column slice
    Tensor dt_bias; ///< f32 [heads]; absent: 0
    Tensor a;       ///< f32 [heads]: -exp(A_log)
    Tensor d;       ///< f32 [heads]; absent: 0
    Tensor y;       ///< f32 [T, heads * P]; may be a column slice; not x
    Tensor state;   ///< f32 [slots, heads, P, N]: read (with a past) and written
    float dt_min = 0.0f;
    float dt_max = std::numeric_limits<float>::infinity();
};
void ssd(Recorder& r, const SsdArgs& args);

} // namespace weft::detail::kernel
