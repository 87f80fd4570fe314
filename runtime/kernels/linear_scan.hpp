// SPDX-License-Identifier: Apache-2.0
// L2: linear attention with decay: RetNet, Lightning attention, gated linear attention, HGRN2, RWKV-6.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// What a logarithm of a decay is given for: f32 [H], [T, H] or [T, H * K].
enum class DecayOf { none, head, token, channel };

/// Per head h, with q and k of key head h / (H / Hk) and d = exp(decay):
///   S_t = diag(d) S_{t-1} + k v^T;  o = scale q^T S_t, with a bonus o = scale q^T (S_{t-1} + diag(u) k v^T)
/// Head counts and sizes follow from the shapes. A sequence without a past starts from a zero state.
struct LinearScanArgs {
    Step step;    ///< decode: one token a sequence, the step form
    Tensor q;     ///< f32 [T, Hk * K]; may be a column slice
    Tensor k;     ///< f32 [T, Hk * K]; may be a column slice
    Tensor v;     ///< f32 [T, H * V]; may be a column slice
    Tensor decay; ///< f32, at most 0, as decay_of says; may be a column slice; absent with none
    Tensor bonus; ///< f32 [H, K]: u, only with decays of channels; absent: none
    Tensor y;     ///< f32 [T, H * V]; may be a column slice; not v
    Tensor state; ///< f32 [slots, H, K, V]: read (with a past) and written
    DecayOf decay_of = DecayOf::none;
    float scale = 0.0f; ///< of q; 0: K^-0.5
};
void linear_scan(Recorder& r, const LinearScanArgs& args);

} // namespace weft::detail::kernel
