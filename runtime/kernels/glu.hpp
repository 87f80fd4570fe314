// SPDX-License-Identifier: Apache-2.0
// L2: activation of one half times the other.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[t,i] = scale * act(a_scale * a[t,i]) * (b[t,i] + b_plus); without b only the activation.
/// A soft cap is {activation tanh, a_scale 1 / cap, scale cap}. gpt-oss: {quick_gelu, limit 7, b_plus 1, interleaved}.
struct GluArgs {
    Tensor a; ///< f32 [T, I]; may be a column slice. Interleaved: [T, 2 I], a in the even columns and b in the odd ones
    Tensor b; ///< f32 [T, I]; may be a column slice; absent: 1. Interleaved: must be absent
    Tensor y; ///< f32 [T, I]; may be a column slice, and may be a or b
    Activation activation = Activation::silu;
    float a_scale = 1.0f;
    float scale = 1.0f;
    float b_plus = 0.0f;
    float limit = 0.0f; ///< > 0: a = min(a, limit) and b = clamp(b, -limit, limit) first
    bool interleaved = false;
    Extent rows = {1, Quantity::tokens}; ///< how many rows of a are real
};
void glu(Recorder& r, const GluArgs& a);

} // namespace weft::detail::kernel
