// SPDX-License-Identifier: Apache-2.0
#include "kernels/moe_combine.hpp"
#include "kernels/row_grid.hpp"
#include "moe_combine.gen.hpp"

namespace weft::detail::kernel {

void moe_combine(Recorder& r, const MoeCombineArgs& a) {
    using K = shader::moe_combine;
    const uint32_t columns = a.y.columns(), tokens = uint32_t(a.y.rows());
    const uint32_t choices = a.weights ? a.weights.columns() : tokens ? uint32_t(a.expert_out.rows() / tokens) : 1;
    const auto fits = [&](const Tensor& t) { return !t || (t.columns() == columns && t.rows() >= tokens); };
    weft_CHECK(choices > 0 && a.expert_out.columns() == columns && a.expert_out.contiguous(),
               "expert_out must be a whole [T * k, D]");
    weft_CHECK(a.expert_out.rows() >= uint64_t(tokens) * choices, "expert_out must have k rows for every row of y");
    weft_CHECK(!a.weights || (a.weights.contiguous() && a.weights.rows() >= tokens), "weights must be a whole [T, k]");
    weft_CHECK(fits(a.shared) && fits(a.residual), "shared and residual must have the shape of y");
    weft_CHECK(!a.shared_gate || (a.shared && a.shared_gate.columns() == 1 && a.shared_gate.rows() >= tokens),
               "shared_gate must be [T, 1], and is of shared");
    const bool vectors = by_four({a.expert_out, a.shared, a.residual, a.y});
    const uint32_t n = vectors ? 4 : 1;
    const RowGrid grid = row_grid(columns / n, tokens, a.tokens);
    r.dispatch<K>(
        vectors ? K::Variant::vectors : K::Variant::core,
        {.LOCAL_X = grid.x,
         .LOCAL_Y = grid.y,
         .CHOICES = choices,
         .PARTS = (a.weights ? 1u : 0u) | (a.shared ? 2u : 0u) | (a.shared_gate ? 4u : 0u) | (a.residual ? 8u : 0u)},
        {.expert_out = a.expert_out,
         .weights = r.or_unused(a.weights),
         .shared_out = r.or_unused(a.shared),
         .shared_gate = r.or_unused(a.shared_gate),
         .residual = r.or_unused(a.residual),
         .y = a.y},
        {.columns = columns / n,
         .tokens = tokens,
         .shared_stride = a.shared.stride / n,
         .shared_start = a.shared.start / n,
         .gate_stride = a.shared_gate.stride,
         .gate_start = a.shared_gate.start,
         .residual_stride = a.residual.stride / n,
         .residual_start = a.residual.start / n,
         .y_stride = a.y.stride / n,
         .y_start = a.y.start / n,
         .scale = a.scale,
         .shared_scale = a.shared_scale},
        grid.threads);
}

} // namespace weft::detail::kernel
