// SPDX-License-Identifier: Apache-2.0
#include "cases/moe_combine.hpp"
#include "kernels/moe_combine.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::moe_combine {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    Random& random = ctx.random();
    const Step step = ctx.step({{0, s.tokens, 0}}, s.tokens + 2);
    const uint32_t rows = step.max_tokens, more = o.more();
    const auto slice = [&](const Tensor& t, uint32_t columns) {
        return o.has(kSlices) ? t.slice_columns(2, columns) : t;
    };
    std::vector<float> out = random.normals(size_t(rows) * s.choices * s.columns, o.magnitude),
                       weights = random.uniforms(size_t(rows) * s.choices, 0, 1);
    if (o.has(kDropped)) // dropped pairs hold garbage
        for (size_t pair = 0; pair < weights.size(); pair += 3) {
            weights[pair] = 0;
            for (uint32_t i = 0; i < s.columns; ++i) out[pair * s.columns + i] = NAN;
        }
    MoeCombineArgs a;
    a.expert_out = ctx.input("expert out", DType::f32, {rows * s.choices, s.columns}, out);
    if (o.has(kWeights)) a.weights = ctx.input("weights", DType::f32, {rows, s.choices}, weights);
    if (o.has(kShared))
        a.shared = slice(ctx.input("shared", DType::f32, {rows, s.columns + more},
                                   random.normals(size_t(rows) * (s.columns + more))),
                         s.columns);
    if (o.has(kGate))
        a.shared_gate =
            slice(ctx.input("gate", DType::f32, {rows, 1 + more}, random.normals(size_t(rows) * (1 + more), 3)), 1);
    if (o.has(kResidual))
        a.residual = slice(ctx.input("residual", DType::f32, {rows, s.columns + more},
                                     random.normals(size_t(rows) * (s.columns + more))),
                           s.columns);
    a.y = slice(ctx.output("y", DType::f32, {rows, s.columns + more}), s.columns);
    a.scale = o.scale;
    a.shared_scale = o.shared_scale;
    kernel::moe_combine(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, uint32_t parts, float scale = 1, float shared_scale = 1,
                   double magnitude = 1) {
    const Options o{s, parts, scale, shared_scale, magnitude};
    Case<Options> c{name, o};
    const uint64_t elements = uint64_t(s.tokens) * s.columns;
    c.bytes = elements * 4 * (s.choices + 1u + o.has(kShared) + o.has(kResidual));
    c.operations = elements * 2 * (s.choices + 1u);
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"moe_combine",
            build,
            {make("tiny", {1, 1, 1}, kWeights), make("no tokens", {0, 2, 8}, kWeights),
             make("without weights", {5, 1, 33}, 0, 0.8f), make("two of many", {7, 2, 40}, kWeights),
             make("shared and residual", {7, 4, 33}, kWeights | kShared | kResidual, 2.5f, 0.22f),
             make("gated shared expert", {6, 3, 50}, kWeights | kShared | kGate | kResidual),
             make("gated shared expert, by four", {6, 3, 48}, kWeights | kShared | kGate | kResidual, 2),
             make("slices", {6, 3, 50}, kWeights | kShared | kGate | kResidual | kSlices, 0.5f),
             make("dropped pairs", {9, 2, 20}, kWeights | kDropped | kResidual),
             make("large values", {3, 8, 24}, kWeights | kResidual, 1, 1, 1e30),
             make("most choices", {4, 32, 17}, kWeights), make("real decode step", {1, 8, 2048}, kWeights | kResidual),
             make("real prefill", {256, 8, 1024}, kWeights | kShared | kGate | kResidual),
             make("large", {512, 8, 2048}, kWeights | kResidual)}};
}

} // namespace weft::detail::kernel::cases::moe_combine
