// SPDX-License-Identifier: Apache-2.0
#include "cases/resize_heads.hpp"
#include "kernels/resize_heads.hpp"
#include "reference/comparison.hpp"
#include "reference/resize_heads.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::resize_heads {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &x = ctx.data("x"), &y = ctx.data("y");
    const size_t from = o.from, to = o.to, columns = o.heads * to, x_start = o.slices ? 5 : 0,
                 y_start = o.slices ? 1 : 0, x_wide = o.heads * from + o.extra(), y_wide = columns + o.extra();
    std::vector<reference::Expected> expected;
    for (size_t t = 0; t < o.tokens; ++t) {
        const auto resized = reference::resized_heads(&x[t * x_wide + x_start], o.heads, from, to, double(o.fill),
                                                      o.divides, double(kEps));
        for (size_t i = 0; i < y_wide; ++i) {
            const bool inside = i >= y_start && i < y_start + columns;
            if (!inside) {
                expected.push_back(reference::kUntouched);
                continue;
            }
            // Copied; or a quotient of 2.5 units, by a sum that may cancel.
            const double value = resized[i - y_start];
            const double divisor = o.divides ? double(x[t * x_wide + x_start + (i - y_start) / to * from + to]) : 1;
            const double lost = (std::abs(divisor) + double(kEps)) / std::abs(divisor + double(kEps));
            expected.push_back({value, o.divides ? reference::kEps32 * (6 + lost) * std::abs(value) : 0});
        }
    }
    verdict.close(y, expected, "y");
}

} // namespace weft::detail::kernel::cases::resize_heads
