// SPDX-License-Identifier: Apache-2.0
#include "cases/glu.hpp"

namespace weft::detail::kernel::cases::glu {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    Random& random = ctx.random();
    const Step step = ctx.step({{0, s.tokens, 0}}, s.tokens + 2);
    const uint32_t rows = step.max_tokens * o.per_token, columns = s.columns, wide = o.wide();
    std::vector<float> values = random.normals(size_t(rows) * wide, o.magnitude);
    if (values.size() >= 8) { // ends of the range of every activation
        const float ends[] = {0.0f, -0.0f, 90.0f, -90.0f, 1e-20f, -1e-20f, 11.0f, -11.0f};
        std::copy(std::begin(ends), std::end(ends), values.begin());
    }
    GluArgs a = o.args;
    a.rows = {o.per_token, Quantity::tokens};
    // The kernel may write over a: the test reads the copy.
    ctx.input("a before", DType::f32, {rows, wide}, values);
    const Tensor whole = ctx.input("a", DType::f32, {rows, wide}, values);
    a.a = o.fused ? whole.slice_columns(3, columns) : whole;
    if (o.has_b && o.fused) a.b = whole.slice_columns(3 + columns, columns);
    if (o.has_b && !o.fused)
        a.b = ctx.input("b", DType::f32, {rows, columns}, random.normals(size_t(rows) * columns, o.magnitude));
    a.y = o.in_place ? a.a : ctx.output("y", DType::f32, {rows, columns});
    kernel::glu(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, GluArgs options, bool has_b = true, bool fused = false,
                   bool in_place = false, double magnitude = 2, uint32_t per_token = 1) {
    Case<Options> c{name, {s, options, has_b, fused, in_place, magnitude, per_token}};
    const uint64_t elements = uint64_t(s.tokens) * s.columns * per_token;
    c.bytes = elements * 4 * (has_b || options.interleaved ? 3 : 2);
    c.operations = elements * 8;
    return c;
}

} // namespace

CaseTable<Options> table() {
    CaseTable<Options> table{"glu", build, {}};
    const char* names[] = {"none",    "silu",       "gelu", "gelu_tanh", "relu", "relu2",
                           "sigmoid", "quick_gelu", "tanh", "sine",      "exp",  "elu_plus_one"};
    for (uint32_t i = 0; i < std::size(names); ++i) {
        GluArgs g;
        g.activation = Activation(i);
        if (g.activation == Activation::exp) g.a_scale = 0.5f; // e^90 is no float
        table.cases.push_back(make(std::string("gated ") + names[i], {5, 37}, g));
        table.cases.push_back(make(std::string("plain ") + names[i], {3, 40}, g, false));
    }
    GluArgs silu, falcon, oss, cap, relu2;
    falcon.a_scale = 0.3f;
    falcon.scale = 1.7f;
    oss.activation = Activation::quick_gelu;
    oss.limit = 7;
    oss.b_plus = 1;
    oss.interleaved = true;
    cap.activation = Activation::tanh;
    cap.a_scale = 1 / 30.0f;
    cap.scale = 30;
    relu2.activation = Activation::relu2;
    const auto add = [&](Case<Options> c) { table.cases.push_back(std::move(c)); };
    add(make("tiny", {1, 1}, silu));
    add(make("no tokens", {0, 16}, silu));
    add(make("halves of one tensor", {7, 50}, silu, true, true));
    add(make("halves of one tensor, in place", {7, 50}, silu, true, true, true));
    add(make("two multipliers", {6, 33}, falcon));
    add(make("clamped, interleaved", {6, 33}, oss, false, false, false, 8));
    add(make("clamped, interleaved, by four", {5, 36}, oss, false, false, false, 8));
    add(make("soft cap", {4, 99}, cap, false, false, true, 60));
    add(make("large values", {4, 64}, silu, true, false, false, 1e15));
    add(make("rows of pairs", {9, 24}, silu, true, true, false, 2, 4));
    add(make("plain relu2, large", {256, 2048}, relu2, false));
    add(make("real decode step", {1, 1408}, silu, true, true));
    add(make("real prefill", {256, 2816}, silu, true, true));
    add(make("large", {512, 8192}, silu));
    return table;
}

} // namespace weft::detail::kernel::cases::glu
