// SPDX-License-Identifier: Apache-2.0
#include "cases/embed.hpp"
#include "harness/compare.hpp"
#include "kernels/embed.hpp"
#include "reference/embed.hpp"
#include <cmath>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("embed", "[kernels]") {
    test::run_cases(cases::embed::table(), [](CaseContext& ctx, const cases::embed::Options& o) {
        const auto& table = ctx.data("table");
        const auto position_table = test::optional(ctx, "position table"), residual = test::optional(ctx, "residual"),
                   y = ctx.data("y");
        const auto ids = ctx.words("step ids"), positions = ctx.words("step positions");
        const double scale = o.scale;
        const size_t start = o.start(), columns = o.shape.columns, tokens = o.shape.tokens;
        const size_t wide = y.size() / ids.size();
        std::vector<float> got;
        std::vector<test::Expected> expected;
        for (size_t t = 0; t < ids.size(); ++t)
            for (size_t i = 0; i < wide; ++i) {
                const bool inside = i >= start && i < start + columns;
                if (!inside) REQUIRE(std::isnan(y[t * wide + i])); // nothing is written beside the slice
                if (!inside || t >= tokens) continue;
                const size_t c = i - start;
                const double a = scale * reference::table_element(table, columns, ids[t], c),
                             b = reference::table_element(position_table, columns, positions[t] + o.offset, c);
                const double d = residual.empty() ? 0 : double(residual[t * columns + c]);
                got.push_back(y[t * wide + i]);
                // One product and two sums.
                expected.push_back({a + b + d, test::kEps32 * 3 * (std::abs(a) + std::abs(b) + std::abs(d))});
            }
        test::require_close(got, expected, "y");
    });
}
