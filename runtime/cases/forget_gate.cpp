// SPDX-License-Identifier: Apache-2.0
#include "cases/forget_gate.hpp"
#include "kernels/forget_gate.hpp"

namespace weft::detail::kernel::cases::forget_gate {
namespace {

void build(CaseContext& ctx, const Options& o) {
    Random& random = ctx.random();
    const Step step = ctx.step({{0, o.tokens, 0}}, o.tokens + 2);
    const uint32_t rows = step.max_tokens, wide = o.columns + 2 * o.around();
    std::vector<float> z = random.normals(size_t(rows) * wide, o.magnitude);
    if (z.size() >= 8) {
        const float ends[] = {0.0f, -0.0f, 90.0f, -90.0f, 1e-20f, 200.0f, -200.0f, 17.0f};
        std::copy(std::begin(ends), std::end(ends), z.begin() + o.around());
    }
    ForgetGateArgs a;
    a.z = ctx.input("z", DType::f32, {rows, wide}, z).slice_columns(o.around(), o.columns);
    if (o.bound) {
        std::vector<float> bound = random.uniforms(o.columns, 0.0, 1.0);
        if (bound.size() >= 4) {
            const float ends[] = {0.0f, 1.0f, 1e-6f, 0.999f};
            std::copy(std::begin(ends), std::end(ends), bound.end() - 4);
        }
        a.lower_bound = ctx.input("lower bound", DType::f32, {o.columns}, bound);
    }
    const auto out = [&](const char* tensor_name) {
        return ctx.output(tensor_name, DType::f32, {rows, wide}).slice_columns(o.around(), o.columns);
    };
    a.g = out("g");
    if (o.keys) a.k = out("k");
    a.scale = o.scale;
    a.least = o.least;
    kernel::forget_gate(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, uint32_t tokens, uint32_t columns, bool bound, bool keys, float scale = 1,
                   float least = kNoLeast, bool slices = false, double magnitude = 3) {
    Case<Options> c{name, {tokens, columns, bound, keys, scale, least, slices, magnitude}};
    const uint64_t elements = uint64_t(tokens) * columns;
    c.bytes = elements * 4 * (2 + keys);
    c.operations = elements * 8;
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"forget_gate",
            build,
            {make("tiny", 1, 1, false, false), make("no tokens", 0, 8, true, true),
             make("scaled", 7, 33, false, false, 1 / 16.0f),
             make("scaled, with a least", 7, 33, false, false, 1 / 16.0f, -0.3f), make("keys", 9, 40, false, true),
             make("bounded", 9, 40, true, false), make("bounded, keys", 30, 77, true, true),
             make("bounded, keys, slices", 30, 77, true, true, 1, kNoLeast, true),
             make("far from 0", 20, 64, true, true, 1, kNoLeast, false, 60),
             make("near 0", 20, 64, true, true, 1, kNoLeast, false, 1e-4), make("a step", 1, 2048, true, true),
             make("a long prompt", 256, 2048, true, true)}};
}

} // namespace weft::detail::kernel::cases::forget_gate
