// SPDX-License-Identifier: Apache-2.0
// L2: cases of kernels/pool.
#include "kernels/pool.hpp"
#include "kernels/case.hpp"

namespace weft::kernel {
namespace {

struct PoolCase {
    double mean = 0, deviation = 1;
    PoolKind kind = PoolKind::mean;
    bool slices = false;
    uint32_t lanes = 0;
};

KernelCase pool_case(const std::string& name, std::vector<uint32_t> counts, uint32_t columns, PoolCase values = {}) {
    KernelCase c;
    c.name = name;
    for (const uint32_t n : counts) c.bytes += uint64_t(n + 1) * columns * 4;
    c.build = [=](CaseContext& ctx) {
        std::vector<CaseContext::Sequence> sequences;
        for (const uint32_t n : counts) sequences.push_back({uint32_t(sequences.size()), n, n % 3});
        PoolArgs a;
        a.step = ctx.step(sequences);
        a.kind = values.kind;
        const uint32_t wide = columns + (values.slices ? 7 : 0);
        auto x = ctx.random().normals(size_t(a.step.max_tokens) * wide, values.deviation);
        for (float& v : x) v += float(values.mean);
        a.x = ctx.input("x", DType::f32, {a.step.max_tokens, wide}, std::move(x));
        a.y = ctx.output("y", DType::f32, {a.step.max_sequences + 2, wide}); // rows beyond the sequences
        if (values.slices) {
            a.x = a.x.slice_columns(5, columns);
            a.y = a.y.slice_columns(1, columns);
        }
        ctx.input("settings", DType::f32, {3},
                  {float(columns), float(values.kind == PoolKind::max), float(values.slices)});
        pool(ctx.recorder(), a, values.lanes);
    };
    return c;
}

} // namespace

KernelTable pool_cases() {
    KernelTable table{
        "pool",
        {pool_case("tiny", {1}, 1), pool_case("no sequences", {}, 20),
         pool_case("sequences without tokens", {0, 3, 0, 5, 0}, 20), pool_case("real: 4,096 tokens of 64", {4096}, 64),
         pool_case("real: sentences", std::vector<uint32_t>(32, 40), 384), pool_case("real: a picture", {197}, 768),
         pool_case("real: 8 of 512 tokens", std::vector<uint32_t>(8, 512), 1024),
         pool_case("real: 4,096 tokens of 4,096", {4096}, 4096)}};
    for (const uint32_t lanes : {1u, 8u}) {
        const auto add = [&](const std::string& name, std::vector<uint32_t> counts, uint32_t columns, PoolCase values) {
            values.lanes = lanes;
            table.cases.push_back(
                pool_case(name + ", lanes " + std::to_string(lanes), std::move(counts), columns, values));
        };
        add("odd sizes", {1, 2, 31, 33, 255, 256, 257, 513}, 37, {});
        add("slices", {4, 70, 300}, 50, {.slices = true});
        add("far from zero", {40, 1000}, 18, {.mean = 1000});
        add("large numbers", {3, 600}, 33, {.deviation = 1e33});
        add("100,000 rows far from zero", {100000}, 24, {.mean = 1000});
        add("max", {1, 2, 31, 0, 513}, 37, {.kind = PoolKind::max});
        add("max of numbers below zero", {1, 0, 300}, 33, {.mean = -9, .kind = PoolKind::max});
        add("max, slices", {4, 300}, 50, {.kind = PoolKind::max, .slices = true});
    }
    return table;
}

} // namespace weft::kernel
