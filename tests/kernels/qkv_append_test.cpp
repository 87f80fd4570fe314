// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/qkv_append.hpp"
#include <catch2/generators/catch_generators.hpp>
#include <cmath>

using namespace weft;
using namespace weft::detail;
using kernel::CaseContext;

// However a prompt is cut into steps and whatever is packed beside it, the same bits come out.
TEST_CASE("qkv_append: cuts and packing", "[kernels]") {
    const DType type = GENERATE(DType::f32, DType::f16, DType::q8_0);
    CAPTURE(name_of(type));
    const uint32_t heads = 4, kv_heads = 2, d = 48, stride = (heads + 2 * kv_heads) * d, tokens = 40;
    struct Result {
        std::vector<float> x, k, v;
    };
    const auto run = [&](const std::vector<CaseContext::Sequence>& sequences) {
        CaseContext ctx(test::gpu(), 1);
        Random random(5);
        const auto all = random.normals(size_t(2) * tokens * stride);
        std::vector<float> x;
        for (const auto& s : sequences)
            x.insert(x.end(), all.begin() + long((s.slot * tokens + s.past) * stride),
                     all.begin() + long((s.slot * tokens + s.past + s.count) * stride));
        kernel::QkvAppendArgs a;
        a.step = ctx.step(sequences);
        const auto t = ctx.input("x", DType::f32, {uint32_t(x.size() / stride), stride}, x);
        a.q = t.slice_columns(0, heads * d);
        a.k = t.slice_columns(heads * d, kv_heads * d);
        a.v = t.slice_columns((heads + kv_heads) * d, kv_heads * d);
        a.k_cache = ctx.empty_cache("k", type, {2, kv_heads, tokens, d});
        a.v_cache = ctx.empty_cache("v", type, {2, kv_heads, tokens, d});
        a.heads = heads;
        a.kv_heads = kv_heads;
        a.head_size = a.value_size = d;
        a.normalize = true;
        a.rotary.dims = d;
        std::vector<float> frequencies;
        for (uint32_t i = 0; i < d / 2; ++i) frequencies.push_back(float(std::pow(10000.0, -2.0 * i / d)));
        a.rotary.frequencies = ctx.input("frequencies", DType::f32, {d / 2}, frequencies);
        kernel::qkv_append(ctx.recorder(), a);
        REQUIRE(bool(ctx.run()));
        test::require_no_validation_messages();
        return Result{ctx.data("x"), ctx.data("k"), ctx.data("v")};
    };
    const auto rows = [&](const std::vector<float>& cache, uint32_t slot, uint32_t first, uint32_t count) {
        std::vector<float> all;
        for (uint32_t h = 0; h < kv_heads; ++h)
            all.insert(all.end(), cache.begin() + long(((slot * kv_heads + h) * tokens + first) * d),
                       cache.begin() + long(((slot * kv_heads + h) * tokens + first + count) * d));
        return all;
    };
    const Result whole = run({{1, 40, 0}});
    std::vector<float> x;
    for (const auto& [past, count] : std::vector<std::pair<uint32_t, uint32_t>>{{0, 1}, {1, 13}, {14, 25}, {39, 1}}) {
        const Result part = run({{1, count, past}});
        x.insert(x.end(), part.x.begin(), part.x.end());
        REQUIRE(rows(part.k, 1, past, count) == rows(whole.k, 1, past, count));
        REQUIRE(rows(part.v, 1, past, count) == rows(whole.v, 1, past, count));
    }
    REQUIRE(x == whole.x);
    const Result packed = run({{0, 3, 20}, {1, 40, 0}});
    REQUIRE(std::vector<float>(packed.x.begin() + long(3 * stride), packed.x.end()) == whole.x);
    REQUIRE(rows(packed.k, 1, 0, 40) == rows(whole.k, 1, 0, 40));
}
