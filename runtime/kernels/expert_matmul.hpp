// SPDX-License-Identifier: Apache-2.0
// L2: matrix products with the weights of the experts that each token chose (mixture of experts).
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// Pair p = token * choices + choice; e = experts[p]; x_p = row p / rows_per_x of x.
///   y[p] = scale[p] * a, where a = act(x_p W[e]^T + bias[e]), or the gated form of MatmulArgs.
/// A pair whose expert is >= E (a dropped one) is skipped: its row of y is not written.
struct ExpertMatmulArgs {
    /// f32 [T, K] with rows_per_x = choices (first projection), or [T * choices, K] with rows_per_x = 1;
    /// may be a column slice.
    Tensor x;
    /// f32, f16, bf16 or in blocks [E, N, K], or [E, 2I, K] if gated: the gate's rows, then the up rows;
    /// contiguous. May be larger than one storage range.
    Tensor weight;
    Tensor bias;    ///< f32 [E, N] or [E, 2I]; absent: 0
    Tensor scale;   ///< f32 [T * choices]; absent: 1
    Tensor experts; ///< u32 [T * choices]: chosen expert of each pair; read by the form for few tokens
    Tensor order;   ///< u32 [T * choices]: pairs sorted by expert, stable; read by the tiled form
    Tensor offsets; ///< u32 [E + 1]: where each expert's pairs begin in `order`; read by the tiled form
    Tensor y;       ///< f32 [T * choices, N] or [T * choices, I]; may be a column slice; must not overlap x
    Tensor norm;    ///< f32 [K]: as MatmulArgs::norm
    float norm_eps = 0;
    Activation activation = Activation::none;
    bool gated = false;
    float limit = 0;          ///< gated only; 0: no limit
    float up_offset = 0;      ///< gated only
    bool scale_input = false; ///< scale[p] multiplies x_p instead of the result (Llama 4)
    /// Weights in blocks: round x to 8 bits (shaders/matmul/eights.glsl) even where the device
    /// is not fast at it, if it can.
    bool eight_bits = false;
    uint32_t choices = 1;    ///< experts a token
    uint32_t rows_per_x = 1; ///< pairs that share a row of x: 1 or choices
    /// The bucket: most tokens in a step. Up to 8: one GEMV a pair, needs `experts`;
    /// else tiles, needs `order` and `offsets`.
    uint32_t max_tokens = 0;
};
void expert_matmul(Recorder& r, const ExpertMatmulArgs& a);

} // namespace weft::detail::kernel
