// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/gather_rows.hpp"
#include "reference/gather_rows.hpp"
#include <cmath>

namespace weft::kernel {
KernelTable gather_rows_cases();
}

using namespace weft;

TEST_CASE("gather_rows", "[kernels]") {
    test::run_cases(kernel::gather_rows_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto &s = ctx.data("settings"), &x = ctx.data("x"), &y = ctx.data("y");
        const size_t columns = size_t(s[0]), count = size_t(s[1]), x_start = s[3] != 0 ? 5 : 0,
                     y_start = s[3] != 0 ? 1 : 0, x_wide = columns + (s[3] != 0 ? 6 : 0),
                     y_wide = columns + (s[3] != 0 ? 4 : 0);
        const auto index = ctx.words("index");
        size_t wrong = 0;
        for (size_t o = 0; o < count; ++o)
            for (size_t i = 0; i < y_wide; ++i) {
                const float got = y[o * y_wide + i];
                if (i < y_start || i >= y_start + columns) {
                    wrong += !std::isnan(got); // nothing is written beside the slice
                    continue;
                }
                const int64_t row = reference::gathered_row(index[o], uint32_t(s[2]), x.size() / x_wide);
                wrong += got != (row < 0 ? 0 : x[size_t(row) * x_wide + x_start + i - y_start]); // copies are exact
            }
        REQUIRE(wrong == 0);
    });
}
