// SPDX-License-Identifier: Apache-2.0
// L2: the (gated) delta rule of DeltaNet and Gated DeltaNet.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// Per value head h, with q and k of key head h / (Hv / Hk), or h % Hk:
///   q, k = l2norm(q) * scale, l2norm(k);  beta = beta_scale * sigmoid(b);  g = A softplus(a + dt_bias)
///   S = exp(g) S;  u = beta (v - S^T k);  S = S + k u^T;  o = S^T q
/// Head counts and sizes follow from the shapes. A sequence without a past starts from a zero state.
struct GatedDeltaArgs {
    Step step;               ///< decode: one token a sequence, the step form
    Tensor q;                ///< f32 [T, Hk * dk]; may be a column slice
    Tensor k;                ///< f32 [T, Hk * dk]; may be a column slice
    Tensor v;                ///< f32 [T, Hv * dv]; may be a column slice
    Tensor b;                ///< f32 [T, Hv]: before the sigmoid; may be a column slice
    Tensor a;                ///< f32 [T, Hv]: before bias and softplus; may be a column slice; absent without decay
    Tensor dt_bias;          ///< f32 [Hv]; absent: 0
    Tensor a_head;           ///< f32 [Hv]: -exp(A_log); absent without decay
    Tensor y;                ///< f32 [T, Hv * dv]; may be a column slice; not v
    Tensor state;            ///< f32 [slots, Hv, dk, dv]: read (with a past) and written
    float beta_scale = 1.0f; ///< 2 lets eigenvalues of the transition be negative
    float scale = 0.0f;      ///< of q; 0: dk^-0.5
    bool decay = true;       ///< false: DeltaNet, g = 0
    bool tiled = false;      ///< value head h has key head h % Hk
    bool l2 = true;          ///< x * rsqrt(sum x^2 + 1e-6) of q and k per head
};
void gated_delta(Recorder& r, const GatedDeltaArgs& args);

} // namespace weft::detail::kernel
