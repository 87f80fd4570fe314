// SPDX-License-Identifier: Apache-2.0
#include "cases/place_rows.hpp"
#include "harness/compare.hpp"
#include "reference/place_rows.hpp"
#include <cmath>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("place_rows", "[kernels]") {
    test::run_cases(cases::place_rows::table(), [](CaseContext& ctx, const cases::place_rows::Options& o) {
        const auto &memory = ctx.data("memory"), &y = ctx.data("y");
        const auto places = ctx.words("places");
        const size_t x_start = o.slices ? 5 : 0, y_start = o.slices ? 1 : 0, all = memory.size() / o.columns;
        size_t wrong = 0;
        for (size_t t = 0; t < o.tokens; ++t)
            for (size_t i = 0; i < o.wide(); ++i) {
                const float got = y[t * o.wide() + i];
                if (i < y_start || i >= y_start + o.columns) {
                    wrong += !std::isnan(got); // nothing is written beside the slice
                    continue;
                }
                const size_t c = i - y_start;
                const double kept = places[t] < all ? memory[places[t] * o.columns + c] : 0,
                             x = o.x ? ctx.data("x")[t * o.wide() + x_start + c] : 0,
                             residual = o.residual ? ctx.data("residual")[t * o.columns + c] : 0;
                const double expected = reference::placed(places[t], all, kept, x, residual, o.scale);
                // A product and a sum, each rounded once.
                wrong += !(std::abs(got - expected) <=
                           (std::abs(residual) + std::abs(expected - residual)) * 2 * std::ldexp(1, -24));
            }
        REQUIRE(wrong == 0);
    });
}
