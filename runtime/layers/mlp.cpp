// SPDX-License-Identifier: Apache-2.0
#include "layers/mlp.hpp"
#include "kernels/expert_matmul.hpp"
#include "kernels/glu.hpp"
#include "kernels/moe_combine.hpp"
#include "kernels/moe_sort.hpp"

namespace weft {
namespace {

// As lower_product, for experts.
void expert_product(LayerContext& c, WeightId weight, WeightId bias, const kernel::ExpertMatmulArgs& args) {
    const auto& parts = c.weights.at(weight);
    const kernel::Tensor all = c.weight(bias);
    uint32_t first = 0;
    for (const kernel::Tensor& part : parts) {
        const uint32_t rows = part.shape[1];
        kernel::ExpertMatmulArgs a = args;
        a.weight = part;
        a.bias = all && parts.size() > 1 ? all.slice_columns(first, rows) : all;
        if (parts.size() > 1) a.y = args.y.slice_columns(first, rows);
        kernel::expert_matmul(c.r, a);
        first += rows;
    }
}

} // namespace

void lower(LayerContext& c, const MlpSpec& m, const kernel::Tensor& x, const Destination& to) {
    const kernel::Tensor inner = c.rows(m.inner, "inner");
    if (!m.gated) lower_linear(c, m.in, x, {inner}, m.activation);
    else if (m.gate_scale == 1 && !m.adapter_down && !c.in_parts(m.in.weight))
        lower_linear(c, m.in, x, {inner}, m.activation, true);
    else { // something stands between the projection and the activation, or gate and up have different types
        const kernel::Tensor both = c.rows(2 * m.inner, "gate, up");
        lower_linear(c, m.in, x, {both});
        if (m.adapter_down) {
            const kernel::Tensor low = c.rows(m.adapter_down.out, "adapter");
            lower_linear(c, m.adapter_down, x, {low});
            lower_linear(c, m.adapter_up, low, {both, both});
        }
        kernel::glu(c.r, {.a = both.slice_columns(0, m.inner),
                          .b = both.slice_columns(m.inner, m.inner),
                          .y = inner,
                          .activation = m.activation,
                          .a_scale = m.gate_scale});
    }
    lower_linear(c, m.out, inner, to);
}

void lower(LayerContext& c, const MoeSpec& m, const kernel::Tensor& x, const Destination& to) {
    const uint32_t tokens = c.step.max_tokens, pairs = tokens * m.chosen, width = x.columns();
    const kernel::Tensor logits = c.rows(m.experts, "router logits");
    lower_linear(c, m.router, x, {logits});
    const kernel::Tensor experts = c.r.temporary(DType::u32, {tokens, m.chosen}, "experts"),
                         weights = c.rows(m.chosen, "expert weights");
    kernel::route(c.r, {.logits = logits,
                        .bias = c.weight(m.choice_bias),
                        .experts = experts,
                        .weights = weights,
                        .score = m.score,
                        .weight = m.weight,
                        .groups = m.groups,
                        .kept_groups = m.kept_groups,
                        .group_score = kernel::GroupScore::best_two,
                        .renormalise = m.renormalise,
                        .scale = m.scale});
    kernel::ExpertMatmulArgs args{.experts = experts.reshape({pairs}), .choices = m.chosen, .max_tokens = tokens};
    if (tokens > 8) { // the form for few tokens needs no sorting
        args.order = c.r.temporary(DType::u32, {pairs}, "pairs by expert");
        args.offsets = c.r.temporary(DType::u32, {m.experts + 1}, "expert offsets");
        kernel::moe_sort(c.r,
                         {.header = c.step.header, .experts = experts, .order = args.order, .offsets = args.offsets});
    }
    const kernel::Tensor inner = c.r.temporary(DType::f32, {pairs, m.inner}, "expert inner"),
                         outputs = c.r.temporary(DType::f32, {pairs, width}, "expert outputs");
    args.x = x;
    args.rows_per_x = m.chosen;
    if (!c.in_parts(m.gate_up)) {
        args.y = inner;
        args.activation = m.activation;
        args.gated = true;
        args.limit = m.limit;
        args.up_offset = m.up_offset;
        expert_product(c, m.gate_up, m.gate_up_bias, args);
        args.activation = kernel::Activation::none;
        args.gated = false;
        args.limit = args.up_offset = 0;
    } else {
        args.y = c.r.temporary(DType::f32, {pairs, 2 * m.inner}, "expert gate, up");
        expert_product(c, m.gate_up, m.gate_up_bias, args);
        kernel::glu(c.r, {.a = args.y.slice_columns(0, m.inner),
                          .b = args.y.slice_columns(m.inner, m.inner),
                          .y = inner,
                          .activation = m.activation,
                          .b_plus = m.up_offset,
                          .limit = m.limit,
                          .rows = {m.chosen, kernel::Quantity::tokens}});
    }
    args.x = inner;
    args.rows_per_x = 1;
    args.y = outputs;
    expert_product(c, m.down, m.down_bias, args);
    kernel::Tensor shared, gate;
    if (m.shared) {
        shared = c.rows(width, "shared expert");
        lower(c, *m.shared, x, {shared});
        if (m.shared_gate) {
            gate = c.rows(1, "shared gate");
            lower_linear(c, m.shared_gate, x, {gate});
        }
    }
    kernel::moe_combine(c.r, {.expert_out = outputs,
                              .weights = weights,
                              .shared = shared,
                              .shared_gate = gate,
                              .residual = to.residual,
                              .y = to.y,
                              .scale = to.scale,
                              .shared_scale = to.scale});
}

void lower(LayerContext& c, const LinearSpec& l, const kernel::Tensor& x, const Destination& to) {
    lower_linear(c, l.linear, x, to);
}

} // namespace weft
