// SPDX-License-Identifier: Apache-2.0
#include "cases/qkv_append.hpp"
#include "harness/compare.hpp"
#include "reference/qkv_append.hpp"
#include <span>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using cases::qkv_append::From;
using kernel::CaseContext;

namespace {

// What one head of q or k becomes, and how far off each channel may be: a norm rounds like the square
// root of its sum (4 of them bound it, Higham & Mary 2019) and a few times more; an angle is rounded once,
// which turns the pair by angle * roundoff, and the frequency stretched by NTK is off by 5 roundoffs;
// the polynomials of cos and sin, their product and sum by a few.
void turn(const cases::qkv_append::Options& c, std::vector<double> x, const std::vector<double>& weight, double scale,
          const CaseContext::Sequence& s, size_t token, double position, const std::vector<float>& frequencies,
          const std::vector<float>& positions, std::vector<test::Expected>& out) {
    const auto& o = c.args;
    const auto& r = o.rotary;
    const double length = std::max(s.length, s.past + s.count);
    const bool beyond = length > r.original;
    const size_t pairs = r.dims / 2;
    for (double& v : x) v *= scale;
    if (o.normalize) x = reference::rms_head(x, weight, o.eps);
    const double rounds = (o.normalize ? 4 * std::sqrt(double(x.size())) + 8 : 0) + (scale != 1 ? 1 : 0);
    const auto angle = [&](size_t i) {
        double f = frequencies[(r.long_table && beyond ? pairs : 0) + i];
        if (r.ntk != 0) f *= reference::ntk_stretch(r.ntk, length, r.original, double(i), r.dims);
        const double at =
            c.axes ? positions[size_t(frequencies[(r.long_table ? 2 : 1) * pairs + i]) * (positions.size() / c.axes) +
                               token]
                   : position;
        return at * f;
    };
    std::vector<double> magnitude;
    const auto y = reference::rotary(x, r.dims, r.pairs == kernel::RotaryPairs::interleaved,
                                     r.long_table && beyond ? r.long_factor : r.factor, angle, magnitude);
    for (size_t e = 0; e < y.size(); ++e) {
        double relative = rounds;
        if (e < r.dims)
            relative += 8 + std::abs(angle(r.pairs == kernel::RotaryPairs::interleaved ? e / 2 : e % pairs)) *
                                (r.ntk != 0 && beyond ? 6 : 1);
        out.push_back({y[e], test::kEps32 * relative * magnitude[e]});
    }
}

// What a cache makes of a row. A half is off by half a unit in the last place, and subnormal ones are 2^-24 apart. A
// number of q8_0 is off by half a scale, which is a half itself: a tiny one may be so much too small that 127 of it do
// not reach the largest number. What is too large for halves becomes the largest.
void hold(std::span<test::Expected> row, DType cache) {
    if (cache == DType::f32) return;
    const bool grouped = cache == DType::q8_0;
    const double largest = 65504.0 * (grouped ? 127 : 1);
    for (size_t first = 0; first < row.size(); first += 32) {
        const auto group = row.subspan(first, std::min<size_t>(32, row.size() - first));
        double top = 0;
        for (const test::Expected& x : group) top = std::max(top, std::abs(x.value) + x.tolerance);
        const double scale = std::min(top, largest) / 127 * (1 + test::kEps16) + 0x1p-25;
        for (test::Expected& x : group) {
            x.value = std::clamp(x.value, -largest, largest);
            x.tolerance +=
                grouped ? 0.5001 * scale + 127 * 0x1p-25 : test::kEps16 * 1.001 * std::abs(x.value) + 0x1p-24;
        }
    }
}

void check_qkv_append(CaseContext& ctx, const cases::qkv_append::Options& c) {
    const auto& o = c.args;
    const size_t d = o.head_size, dv = o.value_size, qs = o.heads * d, ks = o.kv_heads * d, vs = o.kv_heads * dv,
                 rows = c.rows(), stride = qs + ks + vs;
    const bool one = c.from == From::one, has_q = c.from != From::only_kv, has_kv = c.from != From::only_q;
    // q is rotated in place: what it was is made again, by the seed.
    CaseContext fresh(test::gpu(), 1);
    cases::qkv_append::table().build(fresh, c);
    const auto before = [&](const char* part, size_t token, size_t start, size_t columns, size_t at, size_t n) {
        const auto all = test::optional(fresh, one ? "qkv" : part);
        const float* x = &all[one ? token * stride + start + at : token * columns + at];
        return std::vector<double>(x, x + n);
    };
    const auto q_weight = test::optional<double>(ctx, "q_weight"), k_weight = test::optional<double>(ctx, "k_weight");
    const auto frequencies = test::optional(ctx, "frequencies"), positions = test::optional(ctx, "positions"),
               after = test::optional(ctx, one ? "qkv" : "q"), k_cache = test::optional(ctx, "k_cache"),
               v_cache = test::optional(ctx, "v_cache");
    std::vector<test::Expected> q, k, v;
    std::vector<float> got_q, got_k, got_v;
    std::vector<bool> written(k_cache.size() / std::max<size_t>(d, 1)); // [slots, kv_heads, rows]
    size_t token = 0;
    for (const auto& s : c.sequences)
        for (uint32_t i = 0; i < s.count; ++i, ++token) {
            const double position = s.past + i;
            if (has_q)
                for (size_t h = 0; h < o.heads; ++h) {
                    const size_t start = q.size();
                    turn(c, before("q", token, 0, qs, h * d, d), q_weight, 1, s, token, position, frequencies,
                         positions, q);
                    if (o.temperature != 0)
                        for (size_t e = start; e < q.size(); ++e) {
                            const double periods = std::floor((position + o.temperature_offset) / o.temperature_floor);
                            const double factor = 1 + double(o.temperature) * std::log(1 + periods);
                            // The logarithm is off by 2^-21 near 1 (Vulkan), and three units in the
                            // last place elsewhere.
                            q[e].value *= factor;
                            q[e].tolerance =
                                q[e].tolerance * factor +
                                std::abs(q[e].value) *
                                    (o.temperature * (0x1p-21 + 8 * test::kEps32 * factor / o.temperature) +
                                     4 * test::kEps32);
                        }
                    for (size_t e = 0; e < d; ++e) got_q.push_back(after[token * (one ? stride : qs) + h * d + e]);
                }
            if (has_kv) {
                for (size_t h = 0; h < o.kv_heads; ++h) {
                    const size_t row =
                        o.packed ? h * rows + token : (s.slot * o.kv_heads + h) * rows + (s.past + i) % rows;
                    written[row] = true;
                    turn(c, before("k", token, qs, ks, h * d, d), k_weight, o.k_scale, s, token, position, frequencies,
                         positions, k);
                    hold(std::span(k).last(d), c.cache);
                    for (double x : before("v", token, qs + ks, vs, h * dv, dv)) v.push_back({x, 0});
                    hold(std::span(v).last(dv), c.cache);
                    got_k.insert(got_k.end(), &k_cache[row * d], &k_cache[row * d] + d);
                    got_v.insert(got_v.end(), &v_cache[row * dv], &v_cache[row * dv] + dv);
                }
            }
        }
    test::require_close(got_q, q, "q");
    test::require_close(got_k, k, "k");
    test::require_close(got_v, v, "v");
    for (size_t row = 0; row < written.size(); ++row)
        if (!written[row] && !(std::isnan(k_cache[row * d]) && std::isnan(v_cache[row * dv])))
            FAIL("cache row " << row << " was written");
    if (one && !after.empty()) { // only q changes, and only of real tokens
        const auto all = test::optional(fresh, "qkv");
        for (size_t at = 0; at < after.size(); ++at)
            if ((at % stride >= qs || at / stride >= token) && after[at] != all[at]) FAIL("qkv was written at " << at);
    }
}

} // namespace

TEST_CASE("qkv_append", "[kernels]") { test::run_cases(cases::qkv_append::table(), check_qkv_append); }

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
