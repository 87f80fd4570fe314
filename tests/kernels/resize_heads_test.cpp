// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/resize_heads.hpp"
#include "reference/resize_heads.hpp"
#include <cmath>

namespace weft::kernel {
KernelTable resize_heads_cases();
}

using namespace weft;

TEST_CASE("resize_heads", "[kernels]") {
    test::run_cases(kernel::resize_heads_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto &s = ctx.data("settings"), &x = ctx.data("x"), &y = ctx.data("y");
        const size_t tokens = size_t(s[0]), heads = size_t(s[1]), from = size_t(s[2]), to = size_t(s[3]),
                     columns = heads * to;
        const size_t x_start = s[4] != 0 ? 5 : 0, y_start = s[4] != 0 ? 1 : 0, extra = s[4] != 0 ? 7 : 0,
                     x_wide = heads * from + extra, y_wide = columns + extra;
        size_t wrong = 0;
        for (size_t t = 0; t < tokens; ++t) {
            const auto expected = reference::resized_heads(&x[t * x_wide + x_start], heads, from, to);
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
