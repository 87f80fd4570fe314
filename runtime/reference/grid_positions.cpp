// SPDX-License-Identifier: Apache-2.0
#include "cases/grid_positions.hpp"
#include "reference/comparison.hpp"
#include "reference/grid_positions.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::grid_positions {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const reference::GridPositions reference{o.side, o.columns, o.cubic, o.corners};
    const auto &table = ctx.data("table"), &residual = ctx.data("residual"), &y = ctx.data("y");
    const size_t start = o.sliced ? 3 : 0;
    // A place along an axis is rounded to 2^-23 of its size, a weight has a slope of at most 2, and so much of the
    // table's differences is wrong; the sums of products themselves are rounded once a product.
    const double unit = std::ldexp(1, -23), largest = 5;
    size_t t = 0;
    std::vector<float> got;
    std::vector<reference::Expected> expected;
    for (const auto& [down, across] : o.pictures)
        for (uint32_t i = 0; i < o.extra + down * across; ++i, ++t)
            for (uint32_t c = 0; c < o.columns; ++c) {
                const double base = residual[t * o.columns + c];
                got.push_back(y[t * o.wide() + start + c]);
                if (i < o.extra) {
                    expected.push_back({base, 0});
                    continue;
                }
                const uint32_t p = i - o.extra;
                double sizes = 0;
                const double place =
                    reference.at(table.data(), down, across, p / across, p % across, c, sizes) * o.scale;
                const double tolerance =
                    unit * (std::abs(base) + std::abs(o.scale) * (20 * sizes + 2 * 2 * 4 * o.side * largest));
                expected.push_back({base + place, tolerance});
            }
    verdict.close(got, expected, "y");
}

} // namespace weft::detail::kernel::cases::grid_positions
