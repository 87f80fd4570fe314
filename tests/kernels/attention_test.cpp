// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/attention.hpp"

using namespace weft;
using namespace weft::detail;
using kernel::AttentionArgs;
using kernel::CaseContext;

namespace {

// y and lse of a problem whose caches hold the same keys and values in every run:
// `layout` says how the sequences are cut into steps.
struct Output {
    std::vector<float> y, lse;
};
struct Problem {
    AttentionArgs options;
    DType cache = DType::f32;
    uint32_t slots = 3, tokens = 60, capacity = 60; // keys 0 .. tokens - 1 of each slot
    kernel::AttentionTuning tuning;

    // Runs `sequences` against caches that hold everything; token i of a slot always has the same query.
    Output run(const std::vector<CaseContext::Sequence>& sequences, uint32_t sinks = 0) const {
        CaseContext ctx(test::gpu(), 1);
        AttentionArgs a = options;
        Random random(7);
        const uint32_t q_size = a.heads * a.head_size, y_size = a.heads * a.value_size,
                       k_size = a.kv_heads * a.head_size, v_size = a.kv_heads * a.value_size;
        const auto all_q = random.normals(size_t(slots) * tokens * q_size, 1),
                   all_k = random.normals(size_t(slots) * tokens * k_size, 1),
                   all_v = random.normals(size_t(slots) * tokens * v_size, 1);
        std::vector<float> q, k(size_t(slots) * capacity * k_size, std::nanf("")),
            v(size_t(slots) * capacity * v_size, std::nanf(""));
        uint32_t count = 0;
        for (const auto& s : sequences) {
            const uint32_t keys = s.past + s.count;
            q.insert(q.end(), all_q.begin() + long((s.slot * tokens + s.past) * q_size),
                     all_q.begin() + long((s.slot * tokens + keys) * q_size));
            const auto keep = [&](const std::vector<float>& all, std::vector<float>& held, uint32_t size) {
                for (uint32_t g = 0; g < a.kv_heads; ++g)
                    for (uint32_t p = keys - std::min(keys, capacity); p < keys; ++p)
                        std::copy_n(all.begin() + long(((s.slot * tokens + p) * a.kv_heads + g) * size), size,
                                    held.begin() + long(((s.slot * a.kv_heads + g) * capacity + p % capacity) * size));
            };
            keep(all_k, k, a.head_size);
            keep(all_v, v, a.value_size);
            count += s.count;
        }
        a.step = ctx.step(sequences);
        a.q = ctx.input("q", DType::f32, {count, q_size}, q);
        a.k_cache = ctx.cache("k_cache", cache, {slots, a.kv_heads, capacity, a.head_size}, k);
        a.v_cache = ctx.cache("v_cache", cache, {slots, a.kv_heads, capacity, a.value_size}, v);
        if (sinks) a.sinks = ctx.input("sinks", DType::f32, {a.heads}, std::vector<float>(a.heads, 0.5f));
        a.y = ctx.output("y", DType::f32, {count, y_size});
        a.lse = ctx.output("lse", DType::f32, {count, a.heads});
        kernel::attention(ctx.recorder(), a, tuning);
        const auto status = ctx.run();
        INFO((status ? "" : status.error().text()));
        REQUIRE(bool(status));
        test::require_no_validation_messages();
        return {ctx.data("y"), ctx.data("lse")};
    }
};

Output join(const std::vector<Output>& parts) {
    Output all;
    for (const auto& p : parts) {
        all.y.insert(all.y.end(), p.y.begin(), p.y.end());
        all.lse.insert(all.lse.end(), p.lse.begin(), p.lse.end());
    }
    return all;
}

void require_same(const Output& a, const Output& b) {
    REQUIRE(a.y == b.y);
    REQUIRE(a.lse == b.lse);
}

void require_near(const Output& a, const Output& b) {
    std::vector<reference::Expected> y, lse;
    for (float x : b.y)
        y.push_back({x, 2e-5}); // values are normal and weights sum to one; two orders of the same sums, see bounds()
    for (float x : b.lse) lse.push_back({x, 2e-5});
    test::require_close(a.y, y, "y");
    test::require_close(a.lse, lse, "lse");
}

Problem problem() {
    Problem p;
    p.options.heads = 4;
    p.options.kv_heads = 2;
    p.options.head_size = 32;
    p.options.value_size = 24;
    p.options.scale = 0.2f;
    return p;
}

} // namespace

TEST_CASE("attention: laws", "[kernels]") {
    Problem p = problem();
    p.cache = GENERATE(DType::f32, DType::q8_0);
    CAPTURE(name_of(p.cache));
    const Output whole = p.run({{1, 60, 0}});
    SECTION("decode steps give what prefill gives") {
        std::vector<Output> steps;
        for (uint32_t t = 0; t < 60; ++t) steps.push_back(p.run({{1, 1, t}}));
        require_near(join(steps), whole);
    }
    SECTION("a prompt may be cut anywhere") {
        require_same(join({p.run({{1, 7, 0}}), p.run({{1, 30, 7}}), p.run({{1, 23, 37}})}), whole);
        require_same(join({p.run({{1, 58, 0}}), p.run({{1, 2, 58}})}), whole);
    }
    SECTION("packed sequences do not see each other") {
        require_same(p.run({{1, 60, 0}, {0, 5, 3}, {2, 2, 39}}),
                     join({whole, p.run({{0, 5, 3}}), p.run({{2, 2, 39}})}));
        require_same(p.run({{1, 1, 59}, {0, 1, 3}, {2, 1, 40}}),
                     join({p.run({{1, 1, 59}}), p.run({{0, 1, 3}}), p.run({{2, 1, 40}})}));
    }
    SECTION("a ring holds a window") {
        Problem full = p, ring = p;
        full.options.window = ring.options.window = 9;
        ring.capacity = 8 + 20;
        for (uint32_t past : {0u, 5u, 13u, 40u}) require_same(ring.run({{1, 20, past}}), full.run({{1, 20, past}}));
        for (uint32_t past : {0u, 5u, 28u, 59u}) require_same(ring.run({{1, 1, past}}), full.run({{1, 1, past}}));
    }
    SECTION("a window as long as the sequence is none") {
        Problem window = p;
        window.options.window = 60;
        require_same(window.run({{1, 60, 0}}), whole);
        require_near(window.run({{1, 1, 59}}), p.run({{1, 1, 59}}));
    }
    SECTION("splits merged are one pass") {
        for (uint32_t sinks : {0u, 1u})
            for (uint32_t split_keys : {1u, 7u, 16u, 59u}) {
                Problem split = p, single = p;
                split.tuning.split_keys = split_keys;
                single.tuning.split_keys = 64;
                require_near(split.run({{1, 1, 59}, {0, 1, 20}}, sinks), single.run({{1, 1, 59}, {0, 1, 20}}, sinks));
            }
    }
    SECTION("tilings agree") {
        for (uint32_t split : {1u, 2u})
            for (uint32_t rows : {1u, 2u, 4u})
                for (uint32_t local : {8u, 32u, 128u}) {
                    Problem tiled = p;
                    tiled.tuning = {.local = local, .rows = rows, .split = split};
                    require_near(tiled.run({{1, 60, 0}}), whole);
                }
    }
}
