// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/expert_matmul.hpp"
#include "kernels/product_tolerance.hpp"
#include "reference/expert_matmul.hpp"

namespace weft::kernel {
KernelTable expert_matmul_cases();
}

using namespace weft;

TEST_CASE("expert_matmul", "[kernels]") {
    test::run_cases(kernel::expert_matmul_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto optional = [&](const char* tensor) {
            std::vector<float> v;
            ctx.each([&](const std::string& n, const std::vector<float>& values) {
                if (n == tensor) v = values;
            });
            return v;
        };
        const auto &s = ctx.data("settings"), &x = ctx.data("x"), &weight = ctx.data("weight"), &y = ctx.data("y");
        const auto bias = optional("bias"), scale = optional("scale");
        const auto chosen = ctx.words("experts");
        const size_t pairs = size_t(s[0]), rows_per_x = size_t(s[1]), experts = size_t(s[2]), columns = size_t(s[3]),
                     depth = size_t(s[4]), start = size_t(s[9]), wide = columns + 2 * start;
        const bool gated = s[5] != 0, scale_input = s[10] != 0;
        // Of a large result only some elements are compared.
        const size_t rows = gated ? 2 * columns : columns, step = pairs * columns * depth > (1u << 26) ? 61 : 1;
        std::vector<reference::EightBits> rounded;
        for (size_t p = 0; p < pairs && s[12] != 0; ++p)
            rounded.emplace_back(&x[p / rows_per_x * (depth + 2 * start) + start], depth);
        const auto product = [&](size_t p, size_t n) {
            const float* row = reference::expert_row(weight, chosen[p], n, rows, depth);
            auto sum = s[12] != 0 ? reference::product(rounded[p], row, depth)
                                  : reference::product(&x[p / rows_per_x * (depth + 2 * start) + start], row, depth);
            if (scale_input) {
                sum.value *= scale[p];
                sum.size *= scale[p];
                sum.doubt *= scale[p];
            }
            if (!bias.empty()) {
                sum.value += bias[chosen[p] * rows + n];
                sum.size += std::abs(bias[chosen[p] * rows + n]);
            }
            return sum;
        };
        std::vector<float> got;
        std::vector<test::Expected> expected;
        for (size_t i = 0; i < pairs * columns; i += step) {
            const size_t p = i / columns, n = i % columns;
            got.push_back(y[p * wide + start + n]);
            if (chosen[p] >= experts) { // dropped: not written
                REQUIRE(std::isnan(got.back()));
                got.pop_back();
                continue;
            }
            auto e = test::activated(product(p, n), gated ? product(p, columns + n) : reference::Product{}, depth,
                                     gated, uint32_t(s[6]), s[7], s[8]);
            if (!scale.empty() && !scale_input) {
                e.value *= scale[p];
                e.tolerance = e.tolerance * scale[p] + test::kEps32 * std::abs(e.value);
            }
            expected.push_back(e);
        }
        test::require_close(got, expected, "y");
        for (size_t i = 0; i < y.size();
             ++i) // nothing is written beside the slice or below the pairs that there can be
            if (i % wide < start || i % wide >= start + columns || i / wide == y.size() / wide - 1)
                REQUIRE(std::isnan(y[i]));
    });
}
