// SPDX-License-Identifier: Apache-2.0
#include "cases/peaks.hpp"
#include "kernels/peaks.hpp"
#include "reference/comparison.hpp"

namespace weft::detail::kernel::cases::peaks {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    if (o == Options::copy) {
        verdict.same(ctx.words("y"), ctx.words("x"), "y");
        return;
    }
    // All four chains of a lane go through the same steps; the sum is what 4096 multiply-adds
    // in double give, within their roundings.
    std::vector<reference::Expected> expected;
    for (uint32_t i = 0; i < kPeakThreads; ++i) {
        double sum = 0;
        for (int chain = 0; chain < 4; ++chain) {
            double c = i + chain;
            const double a = 0.999f, b = 0.001f;
            for (int step = 0; step < 4096; ++step) c = c * a + b;
            sum += 4 * c;
        }
        expected.push_back({sum, reference::kEps32 * 4096 * (std::abs(sum) + 16)});
    }
    verdict.close(ctx.data("y"), expected, "y");
}

} // namespace weft::detail::kernel::cases::peaks
