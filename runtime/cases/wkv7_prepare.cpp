// SPDX-License-Identifier: Apache-2.0
#include "cases/wkv7_prepare.hpp"
#include "kernels/wkv7_prepare.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::kernel::cases::wkv7_prepare {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    const uint32_t keys = s.heads * s.size, values = s.heads * s.columns;
    Random& random = ctx.random();
    const Step step = ctx.step({{0, s.tokens, 0}}, s.tokens + 2);
    const uint32_t count = step.max_tokens, width = o.width();
    std::vector<float> rows(size_t(count) * width, std::nanf("")); // what stands beside must stay
    for (uint32_t t = 0; t < s.tokens; ++t) {
        float* row = &rows[size_t(t) * width + 2];
        for (uint32_t i = 0; i < keys; ++i) {
            row[i] = float(random.normal(o.magnitude));
            row[keys + i] = float(random.uniform(0, 1));
        }
        for (uint32_t i = 0; i < values; ++i) row[3 * keys + i] = float(random.normal(1));
    }
    ctx.input("before", DType::f32, {count, width}, rows);
    const Tensor all = ctx.input("rows", DType::f32, {count, width}, rows);
    Wkv7PrepareArgs a;
    a.k = all.slice_columns(2, keys);
    a.rate = all.slice_columns(2 + keys, keys);
    a.a = all.slice_columns(2 + 2 * keys, keys);
    a.k_k = ctx.input("k_k", DType::f32, {keys}, random.normals(keys));
    a.k_a = ctx.input("k_a", DType::f32, {keys}, random.normals(keys));
    if (values > 0) {
        a.v = all.slice_columns(2 + 3 * keys, values);
        a.v_first = ctx.input("v_first", DType::f32, {count, values}, random.normals(size_t(count) * values));
        a.gate = ctx.input("gate", DType::f32, {count, values}, random.uniforms(size_t(count) * values, 0, 1));
    }
    a.heads = s.heads;
    kernel::wkv7_prepare(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, double magnitude = 1) {
    Case<Options> c{name, {s, magnitude}};
    const uint32_t keys = s.heads * s.size, values = s.heads * s.columns;
    c.bytes = 4 * (uint64_t(s.tokens) * (5 * keys + 4 * values) + 2 * keys);
    c.operations = uint64_t(s.tokens) * (9 * keys + 3 * values);
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"wkv7_prepare",
            build,
            {make("tiny", {1, 1, 1, 1}), make("odd", {5, 3, 19, 7}), make("no tokens", {0, 2, 16, 16}),
             make("keys alone", {9, 4, 16, 0}), make("wide heads", {3, 2, 200, 130}), make("zeros", {4, 2, 16, 16}, 0),
             make("too small to be made long", {4, 2, 16, 16}, 1e-14), make("small", {4, 2, 16, 16}, 1e-9),
             make("large", {4, 2, 16, 16}, 1e12), make("one token, real", {1, 32, 64, 64}),
             make("real", {256, 32, 64, 64})}};
}

} // namespace weft::detail::kernel::cases::wkv7_prepare
