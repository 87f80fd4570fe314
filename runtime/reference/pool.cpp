// SPDX-License-Identifier: Apache-2.0
#include "cases/pool.hpp"
#include "kernels/pool.hpp"
#include "reference/comparison.hpp"
#include "reference/pool.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::pool {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &x = ctx.data("x"), &y = ctx.data("y");
    const bool max = o.kind == PoolKind::max;
    const size_t columns = o.columns, x_start = o.slices ? 5 : 0, y_start = o.slices ? 1 : 0, wide = o.wide();
    std::vector<reference::Expected> expected;
    std::vector<float> got;
    size_t first = 0, row = 0;
    for (const auto& sequence : ctx.sequences()) {
        const size_t skipped = std::min(o.skip, sequence.count),
                     count = std::min<size_t>(o.most, sequence.count - skipped);
        for (size_t c = 0; c < columns; ++c) {
            const auto p = reference::pool(x.data() + (first + skipped) * wide + x_start + c, count, wide, max);
            // Of a sum: two roundings of four rows; what their running sum loses is added at the end, itself with
            // an error of second order; three roundings of up to eight lanes. The division is off by 2.5 units in
            // the last place (Vulkan). A maximum is exact.
            const double roundings = max ? 0 : 2 + 1 + 3 + 5 + 1;
            expected.push_back({p.value, reference::kEps32 * roundings * p.mean_abs});
            got.push_back(y[row * wide + y_start + c]);
        }
        first += sequence.count;
        ++row;
    }
    verdict.close(got, expected, "y");
    size_t others = 0;
    for (size_t i = 0; i < y.size(); ++i)
        others += !std::isnan(y[i]) && (i / wide >= row || i % wide < y_start || i % wide >= y_start + columns);
    verdict.none(others, "numbers beside the slice or in rows of no sequence were written");
}

} // namespace weft::detail::kernel::cases::pool
