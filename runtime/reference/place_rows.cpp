// SPDX-License-Identifier: Apache-2.0
#include "cases/place_rows.hpp"
#include "reference/comparison.hpp"
#include "reference/place_rows.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::place_rows {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &memory = ctx.data("memory"), &y = ctx.data("y");
    const auto places = ctx.words("places");
    const size_t x_start = o.slices ? 5 : 0, y_start = o.slices ? 1 : 0, all = memory.size() / o.columns;
    std::vector<reference::Expected> expected;
    for (size_t t = 0; t < o.tokens; ++t)
        for (size_t i = 0; i < o.wide(); ++i) {
            if (i < y_start || i >= y_start + o.columns) { // beside the slice
                expected.push_back(reference::kUntouched);
                continue;
            }
            const size_t c = i - y_start;
            const double kept = places[t] < all ? memory[places[t] * o.columns + c] : 0,
                         x = o.x ? ctx.data("x")[t * o.wide() + x_start + c] : 0,
                         residual = o.residual ? ctx.data("residual")[t * o.columns + c] : 0;
            const double placed = reference::placed(places[t], all, kept, x, residual, o.scale);
            // A product and a sum, each rounded once.
            expected.push_back({placed, 2 * reference::kEps32 * (std::abs(residual) + std::abs(placed - residual))});
        }
    verdict.close(y, expected, "y");
}

} // namespace weft::detail::kernel::cases::place_rows
