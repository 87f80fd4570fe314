// SPDX-License-Identifier: Apache-2.0
#include "cases/resize_heads.hpp"
#include "kernels/resize_heads.hpp"

namespace weft::detail::kernel::cases::resize_heads {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Step step = ctx.step({{0, o.tokens, 0}}, o.tokens + 2);
    const uint32_t extra = o.extra(), x_wide = o.heads * o.from + extra, y_wide = o.heads * o.to + extra;
    ResizeHeadsArgs a;
    std::vector<float> x = ctx.random().normals(size_t(step.max_tokens) * x_wide);
    if (o.divides)
        for (float& v : x) v += v < 0 ? -0.1f : 0.1f;
    a.x = ctx.input("x", DType::f32, {step.max_tokens, x_wide}, x);
    a.y = ctx.output("y", DType::f32, {step.max_tokens, y_wide});
    if (o.slices) {
        a.x = a.x.slice_columns(5, o.heads * o.from);
        a.y = a.y.slice_columns(1, o.heads * o.to);
    }
    a.heads = o.heads;
    a.fill = o.fill;
    a.divides = o.divides;
    a.eps = o.divides ? kEps : 0;
    kernel::resize_heads(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, uint32_t tokens, uint32_t heads, uint32_t from, uint32_t to,
                   bool slices = false, float fill = 0, bool divides = false) {
    Case<Options> c{name, {tokens, heads, from, to, slices, fill, divides}};
    c.bytes = uint64_t(tokens) * heads * (std::min(from, to) + to) * 4;
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"resize_heads",
            build,
            {make("tiny", 1, 1, 1, 2), make("no tokens", 0, 2, 3, 4), make("to a multiple of four", 7, 3, 10, 12),
             make("and back", 7, 3, 12, 10), make("slices", 5, 4, 6, 9, true), make("the same size", 3, 2, 8, 8),
             make("a channel of ones", 7, 3, 10, 11, true, 1), make("divided by it", 7, 3, 11, 10, true, 0, true),
             make("a step divided", 1, 32, 65, 64, false, 0, true), make("a step", 1, 32, 90, 92),
             make("a long prompt", 2048, 32, 90, 92)}};
}

} // namespace weft::detail::kernel::cases::resize_heads
