// SPDX-License-Identifier: Apache-2.0
// L2: the short depthwise convolution over time in front of a recurrent mixer.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[t, c] = act(bias[c] + sum_k weight[c, k] * x[t - K + 1 + k, c]) within each sequence. Inputs before a sequence's
/// first new token come from its state; they are 0 for a sequence without a past. With gates x is in_gate * x, also in
/// the state, and y is out_gate * y (LFM2).
struct CausalConvArgs {
    Step step;                ///< decode: one token a sequence, the step form
    Tensor x;                 ///< f32 [T, C]; may be a column slice
    Tensor in_gate, out_gate; ///< f32 [T, C]: column slices of x's tensor, before x; absent: 1, both of them
    Tensor weight;            ///< f32 [C, K], K = 2 to 8
    Tensor bias;              ///< f32 [C]; absent: 0
    Tensor y;                 ///< f32 [T, C]; may be a column slice; not x
    /// f32 [slots, C, K - 1], the last inputs, oldest first: read (with a past) and written; absent:
    /// no sequence has a past, nothing is kept.
    Tensor state;
    Activation activation = Activation::silu; ///< none or silu
};
void causal_conv(Recorder& r, const CausalConvArgs& a);

} // namespace weft::detail::kernel
