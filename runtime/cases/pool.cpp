// SPDX-License-Identifier: Apache-2.0
#include "cases/pool.hpp"
#include "kernels/pool.hpp"

namespace weft::detail::kernel::cases::pool {
namespace {

void build(CaseContext& ctx, const Options& o) {
    Sequences sequences;
    for (const uint32_t n : o.counts) sequences.push_back({uint32_t(sequences.size()), n, n % 3});
    PoolArgs a;
    a.step = ctx.step(sequences);
    a.kind = o.kind;
    a.skip = o.skip;
    a.most = o.most;
    const uint32_t wide = o.wide();
    auto x = ctx.random().normals(size_t(a.step.max_tokens) * wide, o.deviation);
    for (float& v : x) v += float(o.mean);
    a.x = ctx.input("x", DType::f32, {a.step.max_tokens, wide}, std::move(x));
    a.y = ctx.output("y", DType::f32, {a.step.max_sequences + 2, wide}); // rows beyond the sequences
    if (o.slices) {
        a.x = a.x.slice_columns(5, o.columns);
        a.y = a.y.slice_columns(1, o.columns);
    }
    kernel::pool(ctx.recorder(), a, o.lanes);
}

Case<Options> make(const std::string& name, std::vector<uint32_t> counts, uint32_t columns, Options values = {}) {
    values.counts = counts;
    values.columns = columns;
    Case<Options> c{name, values};
    for (const uint32_t n : counts) c.bytes += uint64_t(n + 1) * columns * 4;
    return c;
}

} // namespace

CaseTable<Options> table() {
    CaseTable<Options> table{
        "pool",
        build,
        {make("tiny", {1}, 1), make("no sequences", {}, 20), make("sequences without tokens", {0, 3, 0, 5, 0}, 20),
         make("real: 4,096 tokens of 64", {4096}, 64), make("real: sentences", std::vector<uint32_t>(32, 40), 384),
         make("real: a picture", {197}, 768), make("real: 8 of 512 tokens", std::vector<uint32_t>(8, 512), 1024),
         make("real: 4,096 tokens of 4,096", {4096}, 4096)}};
    for (const uint32_t lanes : {1u, 8u}) {
        const auto add = [&](const std::string& name, std::vector<uint32_t> counts, uint32_t columns, Options values) {
            values.lanes = lanes;
            table.cases.push_back(make(name + ", lanes " + std::to_string(lanes), std::move(counts), columns, values));
        };
        add("odd sizes", {1, 2, 31, 33, 255, 256, 257, 513}, 37, {});
        add("slices", {4, 70, 300}, 50, {.slices = true});
        add("far from zero", {40, 1000}, 18, {.mean = 1000});
        add("large numbers", {3, 600}, 33, {.deviation = 1e33});
        add("100,000 rows far from zero", {100000}, 24, {.mean = 1000});
        add("max", {1, 2, 31, 0, 513}, 37, {.kind = PoolKind::max});
        add("max of numbers below zero", {1, 0, 300}, 33, {.mean = -9, .kind = PoolKind::max});
        add("one row, if there is one", {5, 1, 0, 2, 9}, 21, {.skip = 1, .most = 1});
        add("all but the first", {4, 0, 1, 300}, 35, {.skip = 1});
        add("max of some", {7, 40, 3}, 20, {.kind = PoolKind::max, .skip = 2, .most = 33});
        add("max, slices", {4, 300}, 50, {.kind = PoolKind::max, .slices = true});
    }
    return table;
}

} // namespace weft::detail::kernel::cases::pool
