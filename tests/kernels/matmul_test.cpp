// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/matmul.hpp"
#include "kernels/product_tolerance.hpp"
#include "reference/matmul.hpp"

namespace weft::kernel {
KernelTable matmul_cases();
}

using namespace weft;

TEST_CASE("matmul", "[kernels]") {
    test::run_cases(kernel::matmul_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto optional = [&](const char* tensor) {
            std::vector<float> v;
            ctx.each([&](const std::string& n, const std::vector<float>& values) {
                if (n == tensor) v = values;
            });
            return v;
        };
        const auto &s = ctx.data("settings"), &x = ctx.data("x"), &weight = ctx.data("weight"), &y = ctx.data("y");
        const auto bias = optional("bias"), residual = optional("residual");
        const size_t tokens = size_t(s[0]), columns = size_t(s[1]), depth = size_t(s[2]), start = size_t(s[9]),
                     w_start = size_t(s[10]), wide = columns + 2 * start, w_wide = depth + 2 * w_start;
        const bool gated = s[3] != 0;
        std::vector<reference::EightBits> rounded;
        for (size_t t = 0; t < tokens && s[12] != 0; ++t)
            rounded.emplace_back(&x[t * (depth + 2 * start) + start], depth);
        const auto at = [&](size_t t, size_t n) {
            auto p = s[12] != 0 ? reference::product(rounded[t], &weight[n * w_wide + w_start], depth)
                                : reference::product(&x[t * (depth + 2 * start) + start], &weight[n * w_wide + w_start],
                                                     depth);
            if (!bias.empty()) {
                p.value += bias[n];
                p.size += std::abs(bias[n]);
            }
            return p;
        };
        // Of a large result only some elements are compared; the step is prime.
        const size_t step = tokens * columns * depth > (1u << 26) ? 61 : 1;
        std::vector<float> got;
        std::vector<test::Expected> expected;
        for (size_t i = 0; i < tokens * columns; i += step) {
            const size_t t = i / columns, n = i % columns;
            const auto e = test::activated(at(t, n), gated ? at(t, columns + n) : reference::Product{}, depth, gated,
                                           uint32_t(s[4]), s[7], s[8]);
            const double base = residual.empty() ? 0 : residual[t * wide + start + n], v = base + s[5] * e.value;
            double tolerance = s[5] * e.tolerance + test::kEps32 * 2 * (std::abs(base) + s[5] * std::abs(e.value));
            // softcap * tanh: the difference of two numbers near 1 and an exp of at most 20, off by 2 (3 + 2 * 20)
            // units of the cap at most.
            if (s[6] != 0) tolerance += test::kEps32 * 86 * s[6];
            got.push_back(y[t * wide + start + n]);
            expected.push_back({reference::softcap(v, s[6]), tolerance});
        }
        test::require_close(got, expected, "y");
        if (s[11] != 0) return; // in place: y was not empty
        for (size_t t = 0; t <= tokens; ++t)
            for (size_t n = 0; n < wide; ++n)
                if (n < start || n >= start + columns)
                    REQUIRE(std::isnan(y[t * wide + n])); // nothing is written beside the slice
        for (size_t i = y.size() - wide; i < y.size(); ++i) REQUIRE(std::isnan(y[i])); // nor below the bucket
    });
}
