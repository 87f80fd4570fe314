// SPDX-License-Identifier: Apache-2.0
#include "cases/combine.hpp"
#include "kernels/combine.hpp"

namespace weft::detail::kernel::cases::combine {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    Random& random = ctx.random();
    const Step step = ctx.step({{0, s.tokens, 0}}, s.tokens + 2);
    const uint32_t rows = step.max_tokens;
    // Slice `at` columns in, of a tensor `more` columns wider. The plain values lie in "NAME" for the reference.
    const auto tensor = [&](const char* tensor_name, uint32_t columns, uint32_t at, uint32_t more) {
        const std::vector<float> values = random.normals(size_t(rows) * columns, o.magnitude);
        if (!o.slices) return ctx.input(tensor_name, DType::f32, {rows, columns}, values);
        std::vector<float> wide(size_t(rows) * (columns + more), 1e30f);
        for (uint32_t t = 0; t < rows; ++t)
            std::copy_n(&values[size_t(t) * columns], columns, &wide[size_t(t) * (columns + more) + at]);
        ctx.input(tensor_name, DType::f32, {rows, columns}, values);
        return ctx.input(std::string(tensor_name) + " wide", DType::f32, {rows, columns + more}, wide)
            .slice_columns(at, columns);
    };
    CombineArgs a;
    a.alpha = o.alpha;
    a.beta = o.beta;
    a.gamma = o.gamma;
    if (o.has(kX)) a.x = tensor("x", s.columns, 1, 3);
    if (o.has(kMultiplier)) a.multiplier = ctx.input("multiplier", DType::f32, {s.columns}, random.normals(s.columns));
    if (o.has(kZ)) a.z = tensor("z", s.columns, 2, 2);
    if (o.has(kTokenGate)) a.gate = tensor("gate", 1, 4, 5);
    a.plain_gate = o.has(kPlainGate);
    if (o.has(kGate)) a.gate = tensor("gate", s.columns, 0, 1);
    if (o.has(kW)) a.w = tensor("w", s.columns, 5, 7);
    a.y = ctx.output("y", DType::f32, {rows, o.slices ? s.columns + 4 : s.columns});
    if (o.slices) a.y = a.y.slice_columns(3, s.columns);
    if (o.in_place) { // first a copy into y, then y += ...
        CombineArgs copy;
        copy.x = a.x;
        copy.y = a.y;
        kernel::combine(ctx.recorder(), copy);
        a.x = a.y;
    }
    kernel::combine(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, uint32_t parts, float alpha = 1, float beta = 1, float gamma = 1,
                   bool slices = false, bool in_place = false, double magnitude = 1) {
    const Options o{s, parts, alpha, beta, gamma, slices, in_place, magnitude};
    Case<Options> c{name, o};
    const uint64_t elements = uint64_t(s.tokens) * s.columns;
    c.bytes = elements * 4 * (1u + o.has(kX) + o.has(kZ) + o.has(kW) + o.has(kGate));
    c.operations = elements * 4;
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"combine",
            build,
            {make("tiny", {1, 1}, kX),
             make("no tokens", {0, 8}, kX | kZ),
             make("copy", {5, 33}, kX),
             make("copy of a slice", {5, 33}, kX, 1, 1, 1, true),
             make("multiplied columns", {4, 70}, kX | kMultiplier, 0.25f),
             make("residual", {6, 64}, kX | kZ, 1, 0.22f),
             make("residual in place", {6, 64}, kX | kZ, 1, 0.22f, 1, false, true),
             make("three terms", {7, 77}, kX | kZ | kW, 0.5f, -2, 3, true),
             make("shared expert gate", {9, 40}, kX | kZ | kTokenGate, 1, 1, 1, true),
             make("shared expert gate, by four", {9, 40}, kX | kZ | kTokenGate),
             make("rows with a weight", {9, 41}, kZ | kW | kTokenGate | kPlainGate, 1, 0.5f, 1, true),
             make("rows with a weight, by four", {9, 40}, kZ | kW | kTokenGate | kPlainGate),
             make("multiplied columns, by four", {4, 72}, kX | kMultiplier | kW, 0.25f),
             make("attention output gate", {9, 40}, kZ | kGate, 1, 1.5f),
             make("everything", {3, 130}, kX | kMultiplier | kZ | kW | kGate, 2, 3, 4, true, true),
             make("saturated gates", {4, 50}, kX | kZ | kGate, 1, 1, 1, false, false, 200),
             make("one column", {300, 1}, kX | kZ),
             make("many narrow rows", {70000, 2}, kX | kZ),
             make("real decode step", {1, 2048}, kX | kZ),
             make("real prefill", {256, 2048}, kX | kZ, 1, 0.22f),
             make("large", {512, 4096}, kX | kZ),
             make("large, odd width", {512, 4095}, kX | kZ)}};
}

} // namespace weft::detail::kernel::cases::combine
