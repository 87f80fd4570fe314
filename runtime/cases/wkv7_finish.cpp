// SPDX-License-Identifier: Apache-2.0
#include "cases/wkv7_finish.hpp"
#include "kernels/wkv7_finish.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::kernel::cases::wkv7_finish {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    const uint32_t keys = s.heads * s.size, values = s.heads * s.columns;
    Random& random = ctx.random();
    const Step step = ctx.step({{0, s.tokens, 0}}, s.tokens + 2);
    const uint32_t count = step.max_tokens, width = 3 + 2 * keys + values;
    const Tensor rows = ctx.input("rows", DType::f32, {count, width}, random.normals(size_t(count) * width));
    std::vector<float> y(size_t(count) * (values + 3), std::nanf("")); // what stands beside must stay
    for (uint32_t t = 0; t < s.tokens; ++t)
        for (uint32_t i = 0; i < values; ++i)
            y[size_t(t) * (values + 3) + 1 + i] = float(random.normal(o.magnitude) + o.offset * o.magnitude);
    ctx.input("before", DType::f32, {count, values + 3}, y);
    Wkv7FinishArgs a;
    a.y = ctx.input("y", DType::f32, {count, values + 3}, y).slice_columns(1, values);
    a.r = rows.slice_columns(3, keys);
    a.k = rows.slice_columns(3 + keys, keys);
    a.v = rows.slice_columns(3 + 2 * keys, values);
    a.gate = ctx.input("gate", DType::f32, {count, values}, random.normals(size_t(count) * values));
    a.r_k = ctx.input("r_k", DType::f32, {keys}, random.normals(keys));
    a.weight = ctx.input("weight", DType::f32, {values}, random.normals(values));
    a.bias = ctx.input("bias", DType::f32, {values}, random.normals(values));
    a.heads = s.heads;
    kernel::wkv7_finish(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, double magnitude = 1, double offset = 0.3) {
    Case<Options> c{name, {s, magnitude, offset}};
    const uint32_t keys = s.heads * s.size, values = s.heads * s.columns;
    c.bytes = 4 * (uint64_t(s.tokens) * (2 * keys + 4 * values) + keys + 2 * values);
    c.operations = uint64_t(s.tokens) * (3 * keys + 9 * values);
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"wkv7_finish",
            build,
            {make("tiny", {1, 1, 1, 1}), make("odd", {5, 3, 19, 7}), make("no tokens", {0, 2, 16, 16}),
             make("wide heads", {3, 2, 130, 200}), make("zeros", {4, 2, 16, 16}, 0),
             make("small", {4, 2, 16, 16}, 1e-6), make("large", {4, 2, 16, 16}, 1e12),
             make("far from zero", {4, 2, 16, 16}, 1, 100), make("one token, real", {1, 32, 64, 64}),
             make("real", {256, 32, 64, 64})}};
}

} // namespace weft::detail::kernel::cases::wkv7_finish
