// SPDX-License-Identifier: Apache-2.0
#include "cases/gather_rows.hpp"
#include "kernels/gather_rows.hpp"
#include "reference/comparison.hpp"
#include "reference/gather_rows.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::gather_rows {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &x = ctx.data("x"), &y = ctx.data("y");
    const size_t columns = o.columns, x_start = o.slices ? 5 : 0, y_start = o.slices ? 1 : 0, x_wide = o.x_wide(),
                 y_wide = o.y_wide();
    const auto index = ctx.words("index");
    std::vector<reference::Expected> expected;
    for (size_t row = 0; row < o.count; ++row)
        for (size_t i = 0; i < y_wide; ++i) {
            if (i < y_start || i >= y_start + columns) { // beside the slice
                expected.push_back(reference::kUntouched);
                continue;
            }
            const int64_t from = reference::gathered_row(index[row], o.divisor, x.size() / x_wide);
            expected.push_back({from < 0 ? 0 : x[size_t(from) * x_wide + x_start + i - y_start], 0});
        }
    verdict.close(y, expected, "y");
}

} // namespace weft::detail::kernel::cases::gather_rows
