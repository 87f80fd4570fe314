// SPDX-License-Identifier: Apache-2.0
#include "cases/resize_heads.hpp"
#include "harness/compare.hpp"
#include "kernels/resize_heads.hpp"
#include "reference/resize_heads.hpp"
#include <cmath>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("resize_heads", "[kernels]") {
    test::run_cases(cases::resize_heads::table(), [](CaseContext& ctx, const cases::resize_heads::Options& o) {
        const auto &x = ctx.data("x"), &y = ctx.data("y");
        const size_t from = o.from, to = o.to, columns = o.heads * to, x_start = o.slices ? 5 : 0,
                     y_start = o.slices ? 1 : 0, x_wide = o.heads * from + o.extra(), y_wide = columns + o.extra();
        size_t wrong = 0;
        for (size_t t = 0; t < o.tokens; ++t) {
            const auto expected = reference::resized_heads(&x[t * x_wide + x_start], o.heads, from, to);
            for (size_t i = 0; i < y_wide; ++i) {
                const float got = y[t * y_wide + i];
                if (i < y_start || i >= y_start + columns)
                    wrong += !std::isnan(got);              // nothing is written beside the slice
                else wrong += got != expected[i - y_start]; // copies are exact
            }
        }
        REQUIRE(wrong == 0);
    });
}
