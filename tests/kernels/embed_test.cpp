// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/embed.hpp"
#include "reference/embed.hpp"
#include <cmath>

namespace weft::kernel {
KernelTable embed_cases();
}

using namespace weft;

TEST_CASE("embed", "[kernels]") {
    test::run_cases(kernel::embed_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto optional = [&](const char* tensor) {
            std::vector<float> v;
            ctx.each([&](const std::string& n, const std::vector<float>& values) {
                if (n == tensor) v = values;
            });
            return v;
        };
        const auto &table = ctx.data("table"), &settings = ctx.data("settings");
        const auto position_table = optional("position table"), residual = optional("residual"), y = ctx.data("y");
        const auto ids = ctx.words("step ids"), positions = ctx.words("step positions");
        const double scale = settings[0];
        const size_t offset = size_t(settings[1]), start = size_t(settings[2]);
        size_t tokens = 0;
        for (const auto& s : ctx.sequences()) tokens += s.count;
        const size_t wide = y.size() / ids.size(), columns = start ? wide - 9 : wide;
        std::vector<float> got;
        std::vector<test::Expected> expected;
        for (size_t t = 0; t < ids.size(); ++t)
            for (size_t i = 0; i < wide; ++i) {
                const bool inside = i >= start && i < start + columns;
                if (!inside) REQUIRE(std::isnan(y[t * wide + i])); // nothing is written beside the slice
                if (!inside || t >= tokens) continue;
                const size_t c = i - start;
                const double a = scale * reference::table_element(table, columns, ids[t], c),
                             b = reference::table_element(position_table, columns, positions[t] + offset, c);
                const double d = residual.empty() ? 0 : double(residual[t * columns + c]);
                got.push_back(y[t * wide + i]);
                // One product and two sums.
                expected.push_back({a + b + d, test::kEps32 * 3 * (std::abs(a) + std::abs(b) + std::abs(d))});
            }
        test::require_close(got, expected, "y");
    });
}
