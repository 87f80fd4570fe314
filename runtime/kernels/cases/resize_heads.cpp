// SPDX-License-Identifier: Apache-2.0
// L2: cases of kernels/resize_heads.
#include "kernels/resize_heads.hpp"
#include "kernels/case.hpp"

namespace weft::kernel {
namespace {

KernelCase make(const std::string& name, uint32_t tokens, uint32_t heads, uint32_t from, uint32_t to,
                bool slices = false) {
    KernelCase c;
    c.name = name;
    c.bytes = uint64_t(tokens) * heads * (std::min(from, to) + to) * 4;
    c.build = [=](CaseContext& ctx) {
        const Step step = ctx.step({{0, tokens, 0}}, tokens + 2);
        const uint32_t extra = slices ? 7 : 0, x_wide = heads * from + extra, y_wide = heads * to + extra;
        ResizeHeadsArgs a;
        a.x = ctx.input("x", DType::f32, {step.max_tokens, x_wide},
                        ctx.random().normals(size_t(step.max_tokens) * x_wide));
        a.y = ctx.output("y", DType::f32, {step.max_tokens, y_wide});
        if (slices) {
            a.x = a.x.slice_columns(5, heads * from);
            a.y = a.y.slice_columns(1, heads * to);
        }
        a.heads = heads;
        ctx.input("settings", DType::f32, {5}, {float(tokens), float(heads), float(from), float(to), float(slices)});
        resize_heads(ctx.recorder(), a);
    };
    return c;
}

} // namespace

KernelTable resize_heads_cases() {
    return {"resize_heads",
            {make("tiny", 1, 1, 1, 2), make("no tokens", 0, 2, 3, 4), make("to a multiple of four", 7, 3, 10, 12),
             make("and back", 7, 3, 12, 10), make("slices", 5, 4, 6, 9, true), make("the same size", 3, 2, 8, 8),
             make("a step", 1, 32, 90, 92), make("a long prompt", 2048, 32, 90, 92)}};
}

} // namespace weft::kernel
