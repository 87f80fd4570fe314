// SPDX-License-Identifier: Apache-2.0
#include "cases/gather_rows.hpp"
#include "harness/compare.hpp"
#include "kernels/gather_rows.hpp"
#include "reference/gather_rows.hpp"
#include <cmath>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("gather_rows", "[kernels]") {
    test::run_cases(cases::gather_rows::table(), [](CaseContext& ctx, const cases::gather_rows::Options& o) {
        const auto &x = ctx.data("x"), &y = ctx.data("y");
        const size_t columns = o.columns, x_start = o.slices ? 5 : 0, y_start = o.slices ? 1 : 0, x_wide = o.x_wide(),
                     y_wide = o.y_wide();
        const auto index = ctx.words("index");
        size_t wrong = 0;
        for (size_t row = 0; row < o.count; ++row)
            for (size_t i = 0; i < y_wide; ++i) {
                const float got = y[row * y_wide + i];
                if (i < y_start || i >= y_start + columns) {
                    wrong += !std::isnan(got); // nothing is written beside the slice
                    continue;
                }
                const int64_t from = reference::gathered_row(index[row], o.divisor, x.size() / x_wide);
                wrong += got != (from < 0 ? 0 : x[size_t(from) * x_wide + x_start + i - y_start]); // copies are exact
            }
        REQUIRE(wrong == 0);
    });
}
