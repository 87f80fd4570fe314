// SPDX-License-Identifier: Apache-2.0
// L2: forget gates of channels as the logarithms that linear_scan takes: GLA, HGRN2.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// No least logarithm.
inline constexpr float kNoLeast = -3.0e38f;

/// f = b + (1 - b) sigmoid(z);  g = max(scale log f, least);  k = 1 - f
struct ForgetGateArgs {
    Tensor z;           ///< f32 [T, C]; may be a column slice
    Tensor lower_bound; ///< f32 [C]: b, cut to 0 to 1; absent: 0
    Tensor g;           ///< f32 [T, C]: written; may be a column slice, and may be z
    Tensor k;           ///< f32 [T, C]: written; may be a column slice, and may be z; absent: not wanted
    float scale = 1.0f;
    float least = kNoLeast;
    Extent rows = {1, Quantity::tokens}; ///< how many rows are real
};
void forget_gate(Recorder& r, const ForgetGateArgs& a);

} // namespace weft::detail::kernel
