// SPDX-License-Identifier: Apache-2.0
#include "cases/unfold_rows.hpp"
#include "harness/compare.hpp"
#include "reference/unfold_rows.hpp"
#include <cmath>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("unfold_rows", "[kernels]") {
    test::run_cases(cases::unfold_rows::table(), [](CaseContext& ctx, const cases::unfold_rows::Options& o) {
        const kernel::PatchCut& c = o.args.cut;
        const reference::UnfoldRows reference{c.patch_y, c.patch_x, c.stride_y,          c.stride_x,
                                              c.pad_y,   c.pad_x,   o.args.columns_first};
        const auto &x = ctx.data("x"), &y = ctx.data("y");
        const size_t x_start = o.sliced ? 5 : 0, x_wide = o.channels + (o.sliced ? 9 : 0), y_start = o.sliced ? 3 : 0,
                     columns = o.columns(), y_wide = columns + (o.sliced ? 7 : 0);
        size_t first = 0, row = 0, wrong = 0;
        for (const auto& g : o.grids) {
            const auto own = o.own(g);
            for (uint32_t r = 0; r < own.count(); ++r, ++row)
                for (size_t n = 0; n < columns; ++n) {
                    const int64_t from = reference.under(int64_t(o.args.first_tap + n / o.channels), r / own.width,
                                                         r % own.width, g.height, g.width);
                    const float due = from < 0 ? 0.0f : x[(first + size_t(from)) * x_wide + x_start + n % o.channels];
                    wrong += y[row * y_wide + y_start + n] != due; // copies are exact
                }
            first += g.count();
        }
        REQUIRE(wrong == 0);
        size_t written = 0; // beside the slice
        for (size_t n = 0; n < y.size(); ++n)
            written += !std::isnan(y[n]) && (n % y_wide < y_start || n % y_wide >= y_start + columns);
        REQUIRE(written == 0);
    });
}
