// SPDX-License-Identifier: Apache-2.0
// L2: normalisation.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

enum class Gate : uint32_t { none = 0, before = 1, after = 2 };

/// y = residual + scale * norm(x), over groups of `width` channels (0: all columns of x are one group).
struct NormArgs {
    Tensor x;        ///< f32 [T, groups * width]; may be a column slice
    Tensor weight;   ///< f32 [width], or [groups * width] if each group has its own; absent: 1
    Tensor bias;     ///< f32, as weight; absent: 0
    Tensor gate;     ///< f32 [T, groups * width]; may be a column slice
    Tensor residual; ///< f32 [T, groups * width]; may be y itself
    Tensor y;        ///< f32 [T, groups * width]; may be x itself
    NormKind kind = NormKind::rms;
    Gate gate_at = Gate::none; ///< before: norm(x * act(gate)); after: norm(x) * act(gate)
    Activation gate_activation = Activation::silu;
    uint32_t width = 0;
    float eps = 1e-6f; ///< beside the mean square (rms), the variance (layer), the sum of squares (l2) or the sum (sum)
    float scale = 1.0f;
    Extent tokens = {1, Quantity::tokens}; ///< how many rows of x are real
};
void norm(Recorder& r, const NormArgs& a);

} // namespace weft::detail::kernel
