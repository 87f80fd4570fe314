// SPDX-License-Identifier: Apache-2.0
#include "cases/attention_pool.hpp"
#include "kernels/attention_pool.hpp"

namespace weft::detail::kernel::cases::attention_pool {
namespace {

void build(CaseContext& ctx, const Options& o) {
    Sequences sequences;
    for (const uint32_t n : o.counts) sequences.push_back({uint32_t(sequences.size()), n, n % 3});
    AttentionPoolArgs a;
    a.step = ctx.step(sequences);
    a.heads = o.heads;
    a.scale = o.scale;
    const uint32_t rows = a.step.max_tokens, columns = o.columns();
    const auto numbers = [&](size_t n) { return ctx.random().normals(n); };
    a.q = ctx.input("q", DType::f32, {1, columns}, numbers(columns));
    const Tensor both =
        ctx.input("k and v", DType::f32, {rows, 2 * columns + 1}, numbers(size_t(rows) * (2 * columns + 1)));
    a.k = both.slice_columns(0, columns);
    a.v = both.slice_columns(columns + 1, columns);
    a.y = ctx.output("y", DType::f32, {a.step.max_sequences + 2, columns + (o.sliced ? 7 : 0)});
    if (o.sliced) a.y = a.y.slice_columns(3, columns);
    kernel::attention_pool(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, const Options& options) {
    Case<Options> c{name, options};
    for (const uint32_t n : options.counts) c.bytes += uint64_t(n) * options.columns() * 8;
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"attention_pool",
            build,
            {make("tiny", {1, 4, {1}}), make("no sequences", {2, 8, {}}),
             make("sequences without rows", {3, 5, {0, 3, 0, 7}}),
             make("odd sizes", {3, 7, {1, 2, 63, 64, 65, 129, 300}, 0.4f}),
             make("heads wider than a workgroup", {2, 200, {5, 70}, 0.07f}),
             make("slices", {4, 6, {9, 80}, 0.5f, true}), make("scores far apart", {2, 16, {90, 200}, 8}),
             make("equal scores", {2, 16, {33, 100}, 0}),
             make("real: SigLIP So400m, 384 x 384", {16, 72, {729}, 0.118f}),
             make("real: SigLIP base, 8 pictures of 224 x 224", {12, 64, std::vector<uint32_t>(8, 196), 0.125f})}};
}

} // namespace weft::detail::kernel::cases::attention_pool
