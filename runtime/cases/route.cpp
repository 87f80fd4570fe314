// SPDX-License-Identifier: Apache-2.0
#include "cases/route.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::route {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    Random& random = ctx.random();
    const Step step = ctx.step({{0, s.tokens, 0}}, s.tokens + 2);
    const uint32_t rows = step.max_tokens, wide = o.wide();
    std::vector<float> logits(size_t(rows) * wide);
    for (float& x : logits) x = float(std::round(random.normal(64)) * o.magnitude / 64);
    if (o.strange)
        for (size_t i = 0; i < logits.size(); i += 3) logits[i] = i % 2 ? NAN : i % 4 ? INFINITY : -INFINITY;
    RouteArgs a = o.args;
    a.header = step.header;
    a.logits = ctx.input("logits", DType::f32, {rows, wide}, logits);
    if (o.slice) a.logits = a.logits.slice_columns(3, s.experts);
    if (o.bias) {
        std::vector<float> values(s.experts);
        for (float& x : values) x = float(random.below(9)) / 16 - 0.25f;
        a.bias = ctx.input("bias", DType::f32, {s.experts}, values);
    }
    a.experts = ctx.output("experts", DType::u32, {rows, s.choices});
    a.weights = ctx.output("weights", DType::f32, {rows, s.choices});
    kernel::route(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, RouteArgs options, bool bias = false, double magnitude = 1,
                   bool slice = false, bool strange = false) {
    Case<Options> c{name, {s, options, bias, magnitude, slice, strange}};
    c.bytes = uint64_t(s.tokens) * (4 * s.experts + 8 * s.choices);
    c.operations = uint64_t(s.tokens) * s.experts * 4;
    return c;
}

} // namespace

CaseTable<Options> table() {
    RouteArgs plain, mixtral, deepseek2, deepseek3, granite, llama4, lfm2, softplus, raw, whole;
    mixtral.renormalise = true;
    deepseek2.groups = 8;
    deepseek2.kept_groups = 3;
    deepseek2.scale = 16;
    deepseek3.score = RouterScore::sigmoid;
    deepseek3.groups = 8;
    deepseek3.kept_groups = 4;
    deepseek3.group_score = GroupScore::best_two;
    deepseek3.renormalise = true;
    deepseek3.eps = 1e-20f;
    deepseek3.scale = 2.5f;
    granite.score = RouterScore::logit;
    granite.weight = RouterWeight::softmax_of_chosen;
    llama4.score = RouterScore::logit;
    llama4.weight = RouterWeight::sigmoid_of_chosen;
    lfm2.score = RouterScore::sigmoid;
    lfm2.renormalise = true;
    lfm2.eps = 1e-6f;
    softplus.score = RouterScore::sqrt_softplus;
    softplus.renormalise = true;
    raw.score = RouterScore::logit;
    whole.tokens = {6};
    return {"route",
            build,
            {make("tiny", {1, 1, 1}, plain),
             make("no tokens", {0, 8, 2}, plain),
             make("softmax, odd", {9, 11, 3}, plain),
             make("softmax, renormalised", {7, 8, 2}, mixtral),
             make("all experts", {5, 32, 32}, plain),
             make("softmax groups", {9, 64, 6}, deepseek2),
             make("sigmoid, bias, groups of best two", {9, 256, 8}, deepseek3, true),
             make("groups of one", {5, 8, 4}, deepseek3, true),
             make("softmax over the chosen", {8, 40, 8}, granite),
             make("sigmoid of the chosen", {8, 16, 1}, llama4),
             make("sigmoid with bias", {8, 32, 4}, lfm2, true),
             make("sqrt softplus", {8, 48, 5}, softplus, true),
             make("raw logits", {6, 10, 4}, raw),
             make("tokens beyond the step", {4, 12, 3}, whole),
             make("slice", {6, 21, 4}, mixtral, true, 1, true),
             make("large logits", {9, 16, 2}, mixtral, false, 60),
             make("huge logits, chosen", {9, 16, 2}, granite, false, 1e30),
             make("large logits, sigmoid", {9, 64, 6}, deepseek3, true, 100),
             make("all equal", {4, 130, 5}, plain, false, 0),
             make("all equal, groups", {4, 64, 6}, deepseek3, false, 0),
             make("NaN and infinity", {6, 64, 4}, deepseek3, true, 1, false, true),
             make("NaN and infinity, softmax", {6, 33, 4}, mixtral, false, 1, false, true),
             make("NaN and infinity, logits", {6, 33, 4}, granite, true, 1, false, true),
             make("most experts", {16, 1024, 32}, mixtral),
             make("real decode step", {1, 256, 8}, deepseek3, true),
             make("real prefill", {256, 512, 10}, mixtral),
             make("large", {1024, 128, 8}, mixtral)}};
}

} // namespace weft::detail::kernel::cases::route
