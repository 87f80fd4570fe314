// SPDX-License-Identifier: Apache-2.0
#include "cases/score.hpp"
#include "kernels/sample.hpp"
#include "reference/comparison.hpp"
#include "reference/score.hpp"

namespace weft::detail::kernel::cases::score {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &x = ctx.data("x"), &y = ctx.data("y");
    const auto ids = ctx.words("ids");
    std::vector<reference::Expected> expected;
    std::vector<float> got;
    size_t others = 0;
    for (uint32_t row = 0; row < o.rows; ++row) {
        if (ids[row] == kNoToken) {
            expected.push_back(reference::kUntouched);
            got.push_back(y[row]);
            continue;
        }
        const auto s =
            reference::score(std::span(x).subspan(size_t(row) * o.wide() + o.first(), o.vocabulary), ids[row]);
        if (!std::isfinite(s.nats)) {
            ++others;
            expected.push_back({std::isnan(s.nats) ? s.nats : INFINITY, 0});
            got.push_back(y[row]);
            continue;
        }
        // Sums of V / 128 numbers, then of 128 lanes; differences from the largest logit; exp is off by 3 + 2 |x|
        // units in the last place, log by 3, or by 2^-21 near 1 (Vulkan); the last sum.
        const double id = x[size_t(row) * o.wide() + o.first() + ids[row]],
                     roundings = o.vocabulary / 128.0 + 8 + 3 + 3 * s.distance + std::abs(s.top - id) +
                                 3 * std::log(double(o.vocabulary)) + s.nats;
        expected.push_back({s.nats, reference::kEps32 * roundings + 0x1p-21});
        got.push_back(y[row]);
    }
    verdict.close(got, expected, "y");
    verdict.that((others > 0) == o.not_finite, "the case has not the infinities that it says");
}

} // namespace weft::detail::kernel::cases::score
