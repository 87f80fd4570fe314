// SPDX-License-Identifier: Apache-2.0
#include "cases/score.hpp"
#include "harness/compare.hpp"
#include "kernels/sample.hpp"
#include "reference/score.hpp"

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("score", "[kernels]") {
    test::run_cases(cases::score::table(), [](CaseContext& ctx, const cases::score::Options& o) {
        const auto &x = ctx.data("x"), &y = ctx.data("y");
        const auto ids = ctx.words("ids");
        std::vector<test::Expected> expected;
        std::vector<float> got;
        size_t others = 0, wrong = 0;
        for (uint32_t row = 0; row < o.rows; ++row) {
            if (ids[row] == kernel::kNoToken) {
                wrong += !std::isnan(y[row]); // what output() has filled it with
                continue;
            }
            const auto s =
                reference::score(std::span(x).subspan(size_t(row) * o.wide() + o.first(), o.vocabulary), ids[row]);
            if (!std::isfinite(s.nats)) {
                ++others;
                wrong += std::isnan(s.nats) ? !std::isnan(y[row]) : y[row] != INFINITY;
                continue;
            }
            // Sums of V / 128 numbers, then of 128 lanes; differences from the largest logit; exp is off by 3 + 2 |x|
            // units in the last place, log by 3, or by 2^-21 near 1 (Vulkan); the last sum.
            const double id = x[size_t(row) * o.wide() + o.first() + ids[row]],
                         roundings = o.vocabulary / 128.0 + 8 + 3 + 3 * s.distance + std::abs(s.top - id) +
                                     3 * std::log(double(o.vocabulary)) + s.nats;
            expected.push_back({s.nats, test::kEps32 * roundings + 0x1p-21});
            got.push_back(y[row]);
        }
        test::require_close(got, expected, "y");
        REQUIRE(wrong == 0);
        REQUIRE((others > 0) == o.not_finite);
    });
}
