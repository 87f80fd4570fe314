// SPDX-License-Identifier: Apache-2.0
#include "cases/attention_pool.hpp"
#include "reference/attention_pool.hpp"
#include "reference/comparison.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::attention_pool {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &q = ctx.data("q"), &both = ctx.data("k and v"), &y = ctx.data("y");
    const size_t columns = o.columns(), stride = 2 * columns + 1, wide = columns + (o.sliced ? 7 : 0),
                 start = o.sliced ? 3 : 0;
    std::vector<reference::Expected> expected;
    std::vector<float> got;
    size_t first = 0, row = 0;
    for (const auto& sequence : ctx.sequences()) {
        for (uint32_t h = 0; h < o.heads; ++h) {
            const float* k = both.data() + first * stride + h * o.size;
            const auto pooled =
                reference::attention_pool(&q[h * o.size], k, k + columns + 1, sequence.count, o.size, stride, o.scale);
            // A score is rounded once a product, and its exponential is off by 3 + 2 |x| units (Vulkan); numerator
            // and denominator have that error each. Sums are rounded once a row of 64, and once for each 64.
            const double of_scores = 2 * (o.size + 3 + 2 * 2) * (1 + pooled.largest_score),
                         of_sums = 2 * (64 + 2.0 * sequence.count / 64) + 3;
            for (uint32_t c = 0; c < o.size; ++c) {
                expected.push_back({pooled.value[c], reference::kEps32 * (of_scores + of_sums) * pooled.mean_abs[c]});
                got.push_back(y[row * wide + start + h * o.size + c]);
            }
        }
        first += sequence.count;
        ++row;
    }
    verdict.close(got, expected, "y");
    size_t written = 0; // beside the slice, and in rows beyond the sequences
    for (size_t i = 0; i < y.size(); ++i)
        written += !std::isnan(y[i]) && (i / wide >= row || i % wide < start || i % wide >= start + columns);
    verdict.none(written, "numbers beside the slice or in rows of nobody were written");
}

} // namespace weft::detail::kernel::cases::attention_pool
