// SPDX-License-Identifier: Apache-2.0
#include "layers/moe.hpp"
#include "kernels/expert_matmul.hpp"
#include "kernels/glu.hpp"
#include "kernels/moe_combine.hpp"
#include "kernels/moe_sort.hpp"
#include "kernels/route.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/limits.hpp"
#include "layers/work.hpp"
#include <algorithm>

namespace weft::detail {
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

weft_LISTED(MoeSpec, 26);
void MoeSpec::fields(Fields& f, const Widths& w) {
    f.rule(w.input == w.model, "op", "not be moe where the input is wider than the model");
    f.size("experts", experts);
    f.size("chosen", chosen);
    f.size("inner", inner);
    f.value("activation", activation, kernel::Activation::silu);
    f.value("score", score, kernel::RouterScore::softmax);
    f.value("weight", weight, kernel::RouterWeight::score);
    f.size("groups", groups, 1u);
    f.size("kept_groups", kept_groups, 1u);
    f.rule(experts % std::max(1u, groups) == 0, "groups", "divide experts");
    f.rule(kept_groups <= groups && uint64_t(experts) / std::max(1u, groups) * kept_groups >= chosen, "kept_groups",
           "be at most groups, and hold as many experts as are chosen");
    f.value("group_score", group_score, kernel::GroupScore::best_two);
    f.value("renormalise", renormalise, false);
    f.number("sum_eps", sum_eps, 0.0f, Reach::not_negative);
    f.rule(renormalise || sum_eps == 0, "sum_eps", "not be there without renormalise");
    f.number("scale", scale, 1.0f, Reach::finite);
    f.value("scale_input", scale_input, false);
    f.linear("router", router, w.input, experts);
    f.weight("choice_bias", choice_bias, {experts}, WeightUse::rare, WeightKind::vector);
    uint32_t latent = latent_in.out;
    f.value("latent", latent, 0u);
    if (latent) {
        f.linear("latent_in", latent_in, w.input, latent);
        f.linear("latent_out", latent_out, latent, w.model);
    }
    f.value("gated", gated, true);
    const uint64_t rows = (gated ? 2 : 1) * uint64_t(inner), width = latent ? latent : w.model;
    f.weight("gate_up", gate_up, {experts, rows, width}, WeightUse::always, WeightKind::matrix);
    f.weight("down", down, {experts, width, inner}, WeightUse::always, WeightKind::matrix);
    f.weight("gate_up_bias", gate_up_bias, {experts, rows}, WeightUse::rare, WeightKind::vector);
    f.weight("down_bias", down_bias, {experts, width}, WeightUse::rare, WeightKind::vector);
    f.number("limit", limit, 0.0f, Reach::not_negative);
    f.number("up_offset", up_offset, 0.0f, Reach::finite);
    f.rule(gated || (limit == 0 && up_offset == 0), "gated", "be true with limit or up_offset");
    if (f.enter("shared", shared.has_value(), true)) {
        if (!shared) shared.emplace();
        shared->fields(f, w);
        f.leave();
    }
    f.linear("shared_gate", shared_gate, w.input, 1, true);
    f.rule(shared || !shared_gate, "shared_gate", "not be there without shared");
    f.rule(!latent || !shared_gate, "shared_gate", "not be there with latent");
}

void MoeSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const uint32_t tokens = c.step.max_tokens, pairs = tokens * chosen, width = latent_in ? latent_in.out : x.columns();
    const kernel::Tensor logits = c.rows(experts, "router logits");
    lower_linear(c, router, x, {logits});
    const kernel::Tensor choices = c.r.temporary(DType::u32, {tokens, chosen}, "experts"),
                         weights = c.rows(chosen, "expert weights");
    kernel::route(c.r, {.header = c.step.header,
                        .logits = logits,
                        .bias = c.weight(choice_bias),
                        .experts = choices,
                        .weights = weights,
                        .score = score,
                        .weight = weight,
                        .groups = groups,
                        .kept_groups = kept_groups,
                        .group_score = group_score,
                        .renormalise = renormalise,
                        .eps = sum_eps,
                        .scale = scale});
    kernel::ExpertMatmulArgs args{.experts = choices.reshape({pairs}), .choices = chosen, .max_tokens = tokens};
    if (tokens > 8) { // the form for few tokens needs no sorting
        args.order = c.r.temporary(DType::u32, {pairs}, "pairs by expert");
        args.offsets = c.r.temporary(DType::u32, {experts + 1}, "expert offsets");
        kernel::moe_sort(c.r,
                         {.header = c.step.header, .experts = choices, .order = args.order, .offsets = args.offsets});
    }
    const kernel::Tensor activated = c.r.temporary(DType::f32, {pairs, inner}, "expert inner"),
                         outputs = c.r.temporary(DType::f32, {pairs, width}, "expert outputs");
    args.x = x;
    if (latent_in) {
        args.x = c.rows(width, "latent");
        lower_linear(c, latent_in, x, {args.x});
    }
    args.rows_per_x = chosen;
    args.scale_input = scale_input;
    if (scale_input) args.scale = weights.reshape({pairs});
    if (!gated || !c.in_parts(gate_up)) {
        args.y = activated;
        args.activation = activation;
        args.gated = gated;
        args.limit = limit;
        args.up_offset = up_offset;
        expert_product(c, gate_up, gate_up_bias, args);
        args.activation = kernel::Activation::none;
        args.gated = false;
        args.limit = args.up_offset = 0;
    } else {
        args.y = c.r.temporary(DType::f32, {pairs, 2 * inner}, "expert gate, up");
        expert_product(c, gate_up, gate_up_bias, args);
        kernel::glu(c.r, {.a = args.y.slice_columns(0, inner),
                          .b = args.y.slice_columns(inner, inner),
                          .y = activated,
                          .activation = activation,
                          .b_plus = up_offset,
                          .limit = limit,
                          .rows = {chosen, kernel::Quantity::tokens}});
    }
    args.scale = {};
    args.scale_input = false;
    args.x = activated;
    args.rows_per_x = 1;
    args.y = outputs;
    expert_product(c, down, down_bias, args);
    const kernel::Tensor factors = scale_input ? kernel::Tensor{} : weights;
    if (latent_in) {
        const kernel::Tensor sum = c.rows(width, "latent sum");
        kernel::moe_combine(c.r, {.expert_out = outputs, .weights = factors, .y = sum});
        if (shared) shared->lower(c, x, to);
        lower_linear(c, latent_out, sum, {to.y, shared ? to.y : to.residual, to.scale});
        return;
    }
    kernel::Tensor shared_out, gate;
    if (shared) {
        shared_out = c.rows(width, "shared expert");
        shared->lower(c, x, {shared_out});
        if (shared_gate) {
            gate = c.rows(1, "shared gate");
            lower_linear(c, shared_gate, x, {gate});
        }
    }
    kernel::moe_combine(c.r, {.expert_out = outputs,
                              .weights = factors,
                              .shared = shared_out,
                              .shared_gate = gate,
                              .residual = to.residual,
                              .y = to.y,
                              .scale = to.scale,
                              .shared_scale = to.scale});
}

void MoeSpec::work(WorkCounter& w) const {
    const uint64_t pairs = w.step.tokens() * chosen, used = std::min<uint64_t>(experts, pairs);
    for (const WeightId id : {gate_up, down, gate_up_bias, down_bias})
        if (id != kNoWeight) w.matrices_of(id, experts, used, pairs);
}

void MoeSpec::limits(Limits& l) const {
    constexpr uint32_t kMostExperts = 1024, kMostChosen = 32; // of route
    l.range("the number of experts", experts, 1, kMostExperts);
    l.range("the number of chosen experts", chosen, 1, std::min(experts, kMostChosen));
}

std::string MoeSpec::words() const {
    return std::to_string(chosen) + " of " + std::to_string(experts) + ", " + std::to_string(inner) + " wide" +
           (latent_in ? " in " + std::to_string(latent_in.out) : "") +
           (shared ? ", shared " + std::to_string(shared->inner) : "");
}

weft_OP(MoeSpec);

} // namespace weft::detail
