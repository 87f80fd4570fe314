// SPDX-License-Identifier: Apache-2.0
#include "cases/attention.hpp"
#include "reference/attention.hpp"
#include "reference/comparison.hpp"

namespace weft::detail::kernel::cases::attention {
namespace {

// How far off y and lse may be. A score is off by the roundings of a sum of d products (independent ones
// grow like their square root; 4 of them are a safe bound, Higham & Mary 2019), of the cap and of the bias.
// e^x is off by 3 + 2 |x| units in the last place (Vulkan), which also holds for the factors by which the running sums
// fade when the maximum rises; x and the sum of all rises are at most the range of the scores, and e^-x x <= 1 keeps
// the former small. The sums over keys again round like a square root.
struct Bounds {
    double relative, lse;
};
Bounds bounds(const reference::AttentionRow& row, const AttentionArgs& a) {
    const double score =
        reference::kEps32 * ((4 * std::sqrt(double(a.head_size)) + 4) * row.score_abs + 16 * a.softcap +
                             (a.bias ? 8 : 0) + 2 * std::abs(std::isfinite(row.lse) ? row.lse : 0));
    const double exps = 2 * reference::kEps32 * (3 * (row.records + 4) + 2 * std::min(row.range, 1 + row.score_abs));
    const double relative = 2 * score + exps + reference::kEps32 * (4 * std::sqrt(row.keys) + 16);
    return {relative, relative + 4 * reference::kEps32 * std::abs(std::isfinite(row.lse) ? row.lse : 0)};
}

} // namespace

void check(CaseContext& ctx, const Options& c, reference::Comparison& verdict) {
    const AttentionArgs& o = c.args;
    const size_t pad = c.sliced ? 5 : 0, q_columns = o.heads * o.head_size + 2 * pad,
                 y_columns = o.heads * o.value_size + 2 * pad;
    const auto &q = ctx.data("q"), &k = ctx.data("k_cache"), &v = ctx.data("v_cache"), &y = ctx.data("y");
    std::vector<reference::Expected> expected, expected_lse;
    std::vector<float> got, got_lse;
    size_t token = 0, total = 0;
    for (const auto& s : c.sequences) total += size_t(s.count) * c.keys(s) * o.heads;
    const size_t stride = total * o.head_size < (size_t(1) << 23) ? 1 : 13; // large cases: some rows of every tile
    for (size_t n = 0; n < c.sequences.size(); ++n) {
        const auto& s = c.sequences[n];
        for (uint32_t i = 0; i < s.count; ++i, ++token) {
            const reference::AttentionMask mask{o.causal, o.window, o.ahead, o.chunk, c.span(s, i)};
            for (uint32_t h = 0; h < o.heads; ++h) {
                if ((token + h) % stride != 0 && i + 1 != s.count) continue;
                const size_t g = h / (o.heads / o.kv_heads);
                const float* query = &q[token * q_columns + pad + h * o.head_size];
                std::vector<double> bias;
                int64_t bias_offset = o.bias_offset;
                if (c.bias_columns) {
                    const float* table = &ctx.data("bias")[h * c.bias_columns * std::max(o.bias_side, 1u)];
                    if (!o.bias_side) bias.assign(table, table + c.bias_columns);
                    for (uint32_t j = 0; o.bias_side && j < s.count; ++j) { // by the places of both
                        const uint32_t half = o.bias_side / 2, down = i / s.memory + half - j / s.memory,
                                       across = i % s.memory + half - j % s.memory;
                        bias.push_back(table[down * o.bias_side + across]);
                    }
                    if (o.bias_side) bias_offset = i; // the reference's columns are distances
                }
                const double sink = c.sinks ? ctx.data("sinks")[h] : 0;
                const auto row = reference::attention(
                    std::vector<double>(query, query + o.head_size), s.past + i, c.keys(s), mask, o.scale, o.softcap,
                    bias, bias_offset, c.sinks ? &sink : nullptr, o.value_size,
                    [&](int64_t j) { return &k[c.cache_row(n, uint32_t(g), size_t(j)) * o.head_size]; },
                    [&](int64_t j) { return &v[c.cache_row(n, uint32_t(g), size_t(j)) * o.value_size]; });
                AttentionArgs parts = o;
                if (c.bias_columns) parts.bias.resource = 0;
                const Bounds b = bounds(row, parts);
                for (size_t e = 0; e < o.value_size; ++e) {
                    expected.push_back({row.y[e], b.relative * (row.sum_abs[e] + std::abs(row.y[e])) + 1e-37});
                    got.push_back(y[token * y_columns + pad + h * o.value_size + e]);
                }
                if (c.lse) {
                    expected_lse.push_back({row.lse, b.lse});
                    got_lse.push_back(ctx.data("lse")[token * o.heads + h]);
                }
            }
        }
    }
    verdict.close(got, expected, "y");
    verdict.close(got_lse, expected_lse, "lse");
    size_t others = 0;
    for (size_t at = 0; at < y.size(); ++at) {
        const size_t column = at % y_columns;
        if (at / y_columns >= token || column < pad || column >= y_columns - pad) others += !std::isnan(y[at]);
    }
    verdict.none(others, "numbers of other columns, or of tokens beyond the step, were written");
}

} // namespace weft::detail::kernel::cases::attention
