// SPDX-License-Identifier: Apache-2.0
#include "cases/qkv_append.hpp"
#include "reference/comparison.hpp"
#include "reference/qkv_append.hpp"
#include <span>

namespace weft::detail::kernel::cases::qkv_append {
namespace {

// What one head of q or k becomes, and how far off each channel may be: a norm rounds like the square
// root of its sum (4 of them bound it, Higham & Mary 2019) and a few times more; an angle is rounded once,
// which turns the pair by angle * roundoff, and the frequency stretched by NTK is off by 5 roundoffs;
// the polynomials of cos and sin, their product and sum by a few.
void turn(const Options& c, std::vector<double> x, const std::vector<double>& weight, double scale,
          const CaseContext::Sequence& s, size_t token, double position, const std::vector<float>& frequencies,
          const std::vector<float>& positions, std::vector<reference::Expected>& out) {
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
    const auto y = reference::rotary(x, r.dims, r.pairs == RotaryPairs::interleaved,
                                     r.long_table && beyond ? r.long_factor : r.factor, angle, magnitude);
    for (size_t e = 0; e < y.size(); ++e) {
        double relative = rounds;
        if (e < r.dims)
            relative += 8 + std::abs(angle(r.pairs == RotaryPairs::interleaved ? e / 2 : e % pairs)) *
                                (r.ntk != 0 && beyond ? 6 : 1);
        out.push_back({y[e], reference::kEps32 * relative * magnitude[e]});
    }
}

// What a cache makes of a row. A half is off by half a unit in the last place, and subnormal ones are 2^-24 apart. A
// number of q8_0 is off by half a scale, which is a half itself: a tiny one may be so much too small that 127 of it do
// not reach the largest number. What is too large for halves becomes the largest.
void hold(std::span<reference::Expected> row, DType cache) {
    if (cache == DType::f32) return;
    const bool grouped = cache == DType::q8_0;
    const double largest = 65504.0 * (grouped ? 127 : 1);
    for (size_t first = 0; first < row.size(); first += 32) {
        const auto group = row.subspan(first, std::min<size_t>(32, row.size() - first));
        double top = 0;
        for (const reference::Expected& x : group) top = std::max(top, std::abs(x.value) + x.tolerance);
        const double scale = std::min(top, largest) / 127 * (1 + reference::kEps16) + 0x1p-25;
        for (reference::Expected& x : group) {
            x.value = std::clamp(x.value, -largest, largest);
            x.tolerance +=
                grouped ? 0.5001 * scale + 127 * 0x1p-25 : reference::kEps16 * 1.001 * std::abs(x.value) + 0x1p-24;
        }
    }
}

} // namespace

void check(CaseContext& ctx, const Options& c, reference::Comparison& verdict) {
    const auto& o = c.args;
    const size_t d = o.head_size, dv = o.value_size, qs = o.heads * d, ks = o.kv_heads * d, vs = o.kv_heads * dv,
                 rows = c.rows(), stride = qs + ks + vs;
    const bool one = c.from == From::one, has_q = c.from != From::only_kv, has_kv = c.from != From::only_q;
    const auto before = [&](const char* part, size_t token, size_t start, size_t columns, size_t at, size_t n) {
        const auto& all = ctx.data(std::string(one ? "qkv" : part) + " before");
        const float* x = &all[one ? token * stride + start + at : token * columns + at];
        return std::vector<double>(x, x + n);
    };
    const auto q_weight = ctx.optional<double>("q_weight"), k_weight = ctx.optional<double>("k_weight");
    const auto frequencies = ctx.optional("frequencies"), positions = ctx.optional("positions"),
               after = ctx.optional(one ? "qkv" : "q"), k_cache = ctx.optional("k_cache"),
               v_cache = ctx.optional("v_cache");
    std::vector<reference::Expected> q, k, v;
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
                                    (o.temperature * (0x1p-21 + 8 * reference::kEps32 * factor / o.temperature) +
                                     4 * reference::kEps32);
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
    verdict.close(got_q, q, "q");
    verdict.close(got_k, k, "k");
    verdict.close(got_v, v, "v");
    size_t others = 0;
    for (size_t row = 0; row < written.size(); ++row)
        others += !written[row] && !(std::isnan(k_cache[row * d]) && std::isnan(v_cache[row * dv]));
    verdict.none(others, "rows of the cache that are nobody's were written");
    if (one && !after.empty()) { // only q changes, and only of real tokens
        const auto& all = ctx.data("qkv before");
        size_t changed = 0;
        for (size_t at = 0; at < after.size(); ++at)
            changed += (at % stride >= qs || at / stride >= token) && after[at] != all[at];
        verdict.none(changed, "numbers of qkv that are no q were written");
    }
}

} // namespace weft::detail::kernel::cases::qkv_append
