// SPDX-License-Identifier: Apache-2.0
#include "cases/unfold_rows.hpp"
#include "reference/comparison.hpp"
#include "reference/unfold_rows.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::unfold_rows {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const PatchCut& c = o.args.cut;
    const reference::UnfoldRows reference{c.patch_y, c.patch_x, c.stride_y,          c.stride_x,
                                          c.pad_y,   c.pad_x,   o.args.columns_first};
    const auto &x = ctx.data("x"), &y = ctx.data("y");
    const size_t x_start = o.sliced ? 5 : 0, x_wide = o.channels + (o.sliced ? 9 : 0), y_start = o.sliced ? 3 : 0,
                 columns = o.columns(), y_wide = columns + (o.sliced ? 7 : 0);
    size_t first = 0, row = 0;
    std::vector<reference::Expected> expected(y.size(), reference::kUntouched);
    for (const auto& g : o.grids) {
        const auto own = o.own(g);
        for (uint32_t r = 0; r < own.count(); ++r, ++row)
            for (size_t n = 0; n < columns; ++n) {
                const int64_t from = reference.under(int64_t(o.args.first_tap + n / o.channels), r / own.width,
                                                     r % own.width, g.height, g.width);
                const float due = from < 0 ? 0.0f : x[(first + size_t(from)) * x_wide + x_start + n % o.channels];
                expected[row * y_wide + y_start + n] = {due, 0};
            }
        first += g.count();
    }
    expected.resize(row * y_wide);
    verdict.close(y, expected, "y");
}

} // namespace weft::detail::kernel::cases::unfold_rows
