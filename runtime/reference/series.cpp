// SPDX-License-Identifier: Apache-2.0
#include "reference/series.hpp"
#include "cases/series.hpp"
#include "reference/comparison.hpp"
#include <algorithm>

namespace weft::detail::kernel::cases::series {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &values = ctx.data("values"), &y = ctx.data("y");
    const auto x = ctx.optional("x");
    const size_t start = o.sliced ? 3 : 0, wide = o.patch + (o.sliced ? 7 : 0);
    std::vector<reference::Expected> expected(y.size(), reference::kUntouched);
    size_t row = 0;
    for (size_t i = 0; i < o.series.size(); ++i) {
        const auto [height, length] = o.series[i];
        for (uint32_t c = 0; c < height; ++c) {
            const float* const v = &values[o.offset(i) + size_t(c) * length];
            const reference::SeriesMoments m(v, v + size_t(height) * length, length, int(o.scale.kind), o.scale.least,
                                             o.scale.otherwise);
            // Sums: of what a lane adds, a tree of six levels, and the difference that is added; root and division 2.5
            // units each. With a pivot they are of distances to the first value.
            const double sums = reference::kEps32 * (double(length) / 64 + 12);
            double spread = 0;
            for (size_t t = 0; t < length; ++t) spread = std::max(spread, std::abs(double(v[t]) - v[0]));
            const bool moved = o.scale.kind == SeriesScaling::std;
            const double loc = moved ? (sums + 2 * reference::kEps32) * spread : 0,
                         scale =
                             o.scale.kind == SeriesScaling::none
                                 ? 0
                                 : m.scale * (2 * sums + (moved ? sums * spread / m.scale : 0) + 4 * reference::kEps32);
            const size_t begin = o.back ? 0 : (length - o.patch) % o.stride;
            for (uint32_t w = 0; w < o.columns(o.series[i]); ++w, ++row)
                for (size_t j = 0; j < o.patch; ++j) {
                    auto& e = expected[row * wide + start + j];
                    if (o.back) {
                        const double given = x[row * wide + start + j];
                        e = {given * m.scale + m.loc,
                             std::abs(given) * scale + loc +
                                 2 * reference::kEps32 * (std::abs(given * m.scale) + std::abs(m.loc))};
                        continue;
                    }
                    if (w < o.lead) {
                        e = {0, 0};
                        continue;
                    }
                    const double due = (v[begin + (w - o.lead) * o.stride + j] - m.loc) / m.scale;
                    e = {due, loc / m.scale + std::abs(due) * (scale / m.scale + 4 * reference::kEps32)};
                }
        }
    }
    expected.resize(row * wide);
    verdict.close(y, expected, "y");
}

} // namespace weft::detail::kernel::cases::series
