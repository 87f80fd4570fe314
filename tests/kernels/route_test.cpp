// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/route.hpp"
#include "reference/route.hpp"

namespace weft::kernel {
KernelTable route_cases();
}

using namespace weft;

TEST_CASE("route", "[kernels]") {
    test::run_cases(kernel::route_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto& s = ctx.data("settings");
        const size_t tokens = size_t(s[0]), experts = size_t(s[1]), k = size_t(s[2]), start = s[11] != 0 ? 3 : 0,
                     wide = experts + (s[11] != 0 ? 7 : 0);
        const reference::Router router{uint32_t(k), int(s[3]), int(s[4]), uint32_t(s[5]), uint32_t(s[6]),
                                       s[7] != 0,   s[8] != 0, s[9],      s[10]};
        std::vector<double> bias;
        ctx.each([&](const std::string& n, const std::vector<float>& values) {
            if (n == "bias") bias.assign(values.begin(), values.end());
        });
        const auto &logits = ctx.data("logits"), &weights = ctx.data("weights");
        const auto chosen = ctx.words("experts");
        std::vector<test::Expected> expected;
        for (size_t t = 0; t < tokens; ++t) {
            const auto row = logits.begin() + long(t * wide + start);
            const auto routed = reference::route(router, {row, row + long(experts)}, bias);
            INFO("token " << t);
            REQUIRE(std::vector<uint32_t>(chosen.begin() + long(t * k), chosen.begin() + long((t + 1) * k)) ==
                    routed.experts);
            for (size_t j = 0; j < k; ++j) {
                // exp is off by 3 + 2 |x| ulp and quotients by 2.5 ulp, each ulp two roundings, where |x| < 104 or the
                // result is 0; the sum of a softmax has E / LOCAL + 7 roundings and that of the chosen k.
                const double size = std::min(104.0, std::abs(double(row[routed.experts[j]])) +
                                                        (router.score == 0 || router.weight == 1 ? 8.0 : 0.0));
                const double roundings = 2 * (3 + 2 * size) * 2 + 20 + double(experts) / 64 + double(k);
                expected.push_back({routed.weights[j], test::kEps32 * roundings * std::abs(routed.weights[j]) +
                                                           1.2e-38 * std::abs(router.scale)});
            }
        }
        test::require_close(weights, expected, "weights");
    });
}
