// SPDX-License-Identifier: Apache-2.0
// L2: matrix products with weights.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y = softcap(residual + scale * a), where
///   a = act(x W^T + bias), or
///   a = act(min(g, limit)) * (clamp(u, -limit, limit) + up_offset) if gated,
///       with g = x Wg^T + bias_g and u = x Wu^T + bias_u,
/// and softcap(v) = softcap * tanh(v / softcap).
struct MatmulArgs {
    Tensor x; ///< f32 [T, K]; may be a column slice
    /// f32, f16, bf16 or in blocks [N, K], or [2I, K] if gated: the gate's rows, then the up rows;
    /// may be a column slice. May be larger than one storage range.
    Tensor weight;
    Tensor bias;     ///< f32 [N] or [2I]; absent: 0
    Tensor residual; ///< f32 [T, N] or [T, I]; may be a column slice, may be y itself; absent: 0
    /// f32 [T, N] or [T, I]; may be a column slice; must not overlap x. Rows from the real ones up to
    /// max_rows hold garbage afterwards.
    Tensor y;
    /// f32 [K]: instead of a row x the product takes x / sqrt(mean(x^2) + norm_eps) * norm (RMSNorm). Of up to 8 rows
    /// only. Absent: x as it is; but what an RMSNorm of this recorder made is read so where that is faster.
    Tensor norm;
    float norm_eps = 0;
    Activation activation = Activation::none;
    bool gated = false;
    float limit = 0;     ///< gated only; 0: no limit
    float up_offset = 0; ///< gated only
    float scale = 1;
    float softcap = 0; ///< 0: none
    /// Weights in blocks: round x to 8 bits (shaders/matmul/eights.glsl) even where the device
    /// is not fast at it, if it can.
    bool eight_bits = false;
    Extent rows = {1, Quantity::tokens}; ///< how many rows of x are real
    /// The bucket: most rows that there can be; 0: the rows of y. Up to 8: one pass over the weights for
    /// all rows (GEMV), else tiles (GEMM).
    uint32_t max_rows = 0;
};
void matmul(Recorder& r, const MatmulArgs& a);

} // namespace weft::detail::kernel
