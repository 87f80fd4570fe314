// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/moe_combine.hpp"
#include "reference/moe_combine.hpp"

namespace weft::kernel {
KernelTable moe_combine_cases();
}

using namespace weft;

TEST_CASE("moe_combine", "[kernels]") {
    test::run_cases(kernel::moe_combine_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto optional = [&](const char* tensor) {
            std::vector<float> v;
            ctx.each([&](const std::string& n, const std::vector<float>& values) {
                if (n == tensor) v = values;
            });
            return v;
        };
        const auto &s = ctx.data("settings"), &out = ctx.data("expert out"), &y = ctx.data("y");
        const auto weights = optional("weights"), shared = optional("shared"), gate = optional("gate"),
                   residual = optional("residual");
        const size_t tokens = size_t(s[0]), k = size_t(s[1]), columns = size_t(s[2]), more = size_t(s[5]),
                     start = more ? 2 : 0, wide = columns + more;
        std::vector<float> got;
        std::vector<test::Expected> expected;
        for (size_t t = 0; t < tokens; ++t)
            for (size_t i = 0; i < wide; ++i) {
                if (i < start || i >= start + columns) {
                    REQUIRE(std::isnan(y[t * wide + i])); // nothing is written beside the slice
                    continue;
                }
                std::vector<double> w, o;
                for (size_t j = 0; j < k; ++j) {
                    w.push_back(weights.empty() ? 1 : weights[t * k + j]);
                    o.push_back(out[(t * k + j) * columns + i - start]);
                }
                const double factor =
                    s[4] * (gate.empty() ? 1 : 1 / (1 + std::exp(-double(gate[t * (1 + more) + start]))));
                const auto sum = reference::moe_combine(w, o, s[3], shared.empty() ? 0 : shared[t * wide + i], factor,
                                                        residual.empty() ? 0 : residual[t * wide + i]);
                got.push_back(y[t * wide + i]);
                // k + 2 terms summed one after another, three products each; the sigmoid of |gate| < 20 is off
                // by 2 (8 + 2 * 20) units at most.
                expected.push_back({sum.value, test::kEps32 * (double(k) + 5 + (gate.empty() ? 0 : 96)) * sum.size});
            }
        test::require_close(got, expected, "y");
    });
}
