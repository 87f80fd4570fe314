// SPDX-License-Identifier: Apache-2.0
#include "cases/embed.hpp"
#include "kernels/embed.hpp"
#include "reference/comparison.hpp"
#include "reference/embed.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::embed {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto& table = ctx.data("table");
    const auto position_table = ctx.optional("position table"), residual = ctx.optional("residual"), y = ctx.data("y");
    const auto ids = ctx.words("step ids"), positions = ctx.words("step positions");
    const double scale = o.scale;
    const size_t start = o.start(), columns = o.shape.columns, tokens = o.shape.tokens;
    const size_t wide = y.size() / ids.size();
    std::vector<float> got;
    size_t beside = 0;
    std::vector<reference::Expected> expected;
    for (size_t t = 0; t < ids.size(); ++t)
        for (size_t i = 0; i < wide; ++i) {
            const bool inside = i >= start && i < start + columns;
            beside += !inside && !std::isnan(y[t * wide + i]);
            if (!inside || t >= tokens) continue;
            const size_t c = i - start;
            const double a = scale * reference::table_element(table, columns, ids[t], c),
                         b = reference::table_element(position_table, columns, positions[t] + o.offset, c);
            const double d = residual.empty() ? 0 : double(residual[t * columns + c]);
            got.push_back(y[t * wide + i]);
            // One product and two sums.
            expected.push_back({a + b + d, reference::kEps32 * 3 * (std::abs(a) + std::abs(b) + std::abs(d))});
        }
    verdict.close(got, expected, "y");
    verdict.none(beside, "numbers beside the slice were written");
}

} // namespace weft::detail::kernel::cases::embed
