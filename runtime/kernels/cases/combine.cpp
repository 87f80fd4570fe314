// SPDX-License-Identifier: Apache-2.0
// L2: cases of kernels/combine.
#include "kernels/combine.hpp"
#include "kernels/case.hpp"

namespace weft::kernel {
namespace {

struct Shape {
    uint32_t tokens, columns;
};
enum Part : uint32_t { kX = 1, kMultiplier = 2, kZ = 4, kW = 8, kTokenGate = 16, kGate = 32 };

/// Tensors are slices of wider ones, each with its own width, if `slices`.
KernelCase make(const std::string& name, Shape s, uint32_t parts, float alpha = 1, float beta = 1, float gamma = 1,
                bool slices = false, bool in_place = false, double magnitude = 1) {
    KernelCase c;
    c.name = name;
    const uint64_t elements = uint64_t(s.tokens) * s.columns;
    const auto has = [=](uint32_t part) { return (parts & part) != 0; };
    c.bytes = elements * 4 * (1u + has(kX) + has(kZ) + has(kW) + has(kGate));
    c.operations = elements * 4;
    c.build = [=](CaseContext& ctx) {
        Random& random = ctx.random();
        const Step step = ctx.step({{0, s.tokens, 0}}, s.tokens + 2);
        const uint32_t rows = step.max_tokens;
        // Slice `at` columns in, of a tensor `more` columns wider. The plain values lie in "NAME" for the reference.
        const auto tensor = [&](const char* tensor_name, uint32_t columns, uint32_t at, uint32_t more) {
            const std::vector<float> values = random.normals(size_t(rows) * columns, magnitude);
            if (!slices) return ctx.input(tensor_name, DType::f32, {rows, columns}, values);
            std::vector<float> wide(size_t(rows) * (columns + more), 1e30f);
            for (uint32_t t = 0; t < rows; ++t)
                std::copy_n(&values[size_t(t) * columns], columns, &wide[size_t(t) * (columns + more) + at]);
            ctx.input(tensor_name, DType::f32, {rows, columns}, values);
            return ctx.input(std::string(tensor_name) + " wide", DType::f32, {rows, columns + more}, wide)
                .slice_columns(at, columns);
        };
        CombineArgs a;
        a.alpha = alpha;
        a.beta = beta;
        a.gamma = gamma;
        if (has(kX)) a.x = tensor("x", s.columns, 1, 3);
        if (has(kMultiplier))
            a.multiplier = ctx.input("multiplier", DType::f32, {s.columns}, random.normals(s.columns));
        if (has(kZ)) a.z = tensor("z", s.columns, 2, 2);
        if (has(kTokenGate)) a.gate = tensor("gate", 1, 4, 5);
        if (has(kGate)) a.gate = tensor("gate", s.columns, 0, 1);
        if (has(kW)) a.w = tensor("w", s.columns, 5, 7);
        a.y = ctx.output("y", DType::f32, {rows, slices ? s.columns + 4 : s.columns});
        if (slices) a.y = a.y.slice_columns(3, s.columns);
        if (in_place) { // first a copy into y, then y += ...
            CombineArgs copy;
            copy.x = a.x;
            copy.y = a.y;
            combine(ctx.recorder(), copy);
            a.x = a.y;
        }
        ctx.input("settings", DType::f32, {6}, {alpha, beta, gamma, float(slices), float(s.tokens), float(s.columns)});
        combine(ctx.recorder(), a);
    };
    return c;
}

} // namespace

KernelTable combine_cases() {
    return {"combine",
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

} // namespace weft::kernel
