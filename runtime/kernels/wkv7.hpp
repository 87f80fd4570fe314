// SPDX-License-Identifier: Apache-2.0
// L2: the recurrence of RWKV-7: a delta rule with a decay a channel, whose removal and replacement keys differ.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// Per head, with d = exp(w):
///   S_t = diag(d) S_{t-1} + b (a^T S_{t-1}) + k v^T;  o = S_t^T r
/// RWKV-7 has a = -kk and b = kk * rate for a kk of length 1 (wkv7_prepare). Heads H, key size K and value size V
/// follow from `state`. A sequence without a past starts from a zero state. Columns of one tensor are read where they
/// are, others are first copied into one.
struct Wkv7Args {
    Step step;    ///< decode: one token a sequence, the step form
    Tensor r;     ///< f32 [T, H * K]; may be a column slice
    Tensor w;     ///< f32 [T, H * K]: logarithms of the decays, at most 0; may be a column slice
    Tensor k;     ///< f32 [T, H * K]; may be a column slice
    Tensor v;     ///< f32 [T, H * V]; may be a column slice
    Tensor a;     ///< f32 [T, H * K]; may be a column slice
    Tensor b;     ///< f32 [T, H * K]; may be a column slice
    Tensor y;     ///< f32 [T, H * V]; may be a column slice; none of the others
    Tensor state; ///< f32 [slots, H, K, V], K at most 128: read (with a past) and written
};
void wkv7(Recorder& r, const Wkv7Args& args);

} // namespace weft::detail::kernel
