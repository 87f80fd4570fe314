// SPDX-License-Identifier: Apache-2.0
#include "cases/peaks.hpp"
#include "harness/compare.hpp"
#include "kernels/peaks.hpp"

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("peaks", "[kernels]") {
    test::run_cases(cases::peaks::table(), [](CaseContext& ctx, cases::peaks::Options o) {
        if (o == cases::peaks::Options::copy) {
            REQUIRE(ctx.words("y") == ctx.words("x"));
            return;
        }
        // All four chains of a lane go through the same steps; the sum is what 4096 multiply-adds
        // in double give, within their roundings.
        std::vector<test::Expected> expected;
        for (uint32_t i = 0; i < kernel::kPeakThreads; ++i) {
            double sum = 0;
            for (int chain = 0; chain < 4; ++chain) {
                double c = i + chain;
                const double a = 0.999f, b = 0.001f;
                for (int step = 0; step < 4096; ++step) c = c * a + b;
                sum += 4 * c;
            }
            expected.push_back({sum, test::kEps32 * 4096 * (std::abs(sum) + 16)});
        }
        test::require_close(ctx.data("y"), expected, "y");
    });
}
