// SPDX-License-Identifier: Apache-2.0
// L2: the selective scan of Mamba-1.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// Per channel d and state n, with B and C of group d / (Di / G):
///   dt = softplus(dt_raw + dt_bias);  h = exp(dt A) h + dt B x;  y = C.h + D x;  y *= silu(z)
/// Di, N and G follow from the shapes. A sequence without a past starts from h = 0.
struct SelectiveScanArgs {
    Step step; ///< decode: one token a sequence, the step form
    Tensor x;  ///< f32 [T, Di]; may be a column slice
    Tensor dt; ///< f32 [T, Di]: before bias and softplus; may be a column slice
    /// f32 [Di * (N + 2)]: A [Di, N] (-exp(A_log)), then D [Di], then dt_bias [Di].
    /// One buffer, for a core shader may bind only 8.
    Tensor parameters;
    Tensor b; ///< f32 [T, G * N]: a column slice of the same tensor as c
    Tensor c; ///< f32 [T, G * N]: a column slice of the same tensor as b
    Tensor z; ///< f32 [T, Di]; may be a column slice; absent: no gate
    Tensor y; ///< f32 [T, Di]; may be a column slice; may be x, dt or z itself
    /// f32 [slots, Di, N], N = 1 to 256: read (with a past) and written; absent:
    /// no sequence has a past, nothing is kept.
    Tensor state;
    bool softplus = true; ///< false: dt = dt_raw + dt_bias, which must not be negative
    /// Tokens of a chunk: long prompts are scanned in chunks side by side. 0: chosen from the shapes and the device.
    uint32_t chunk = 0;
    /// Threads that share a channel's states: a power of two up to 16. 0: chosen from N and the device.
    uint32_t split = 0;
};
void selective_scan(Recorder& r, const SelectiveScanArgs& a);

} // namespace weft::detail::kernel
