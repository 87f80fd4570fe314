// SPDX-License-Identifier: Apache-2.0
#include "cases/combine.hpp"
#include "harness/compare.hpp"
#include "kernels/combine.hpp"
#include "reference/combine.hpp"

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("combine", "[kernels]") {
    test::run_cases(cases::combine::table(), [](CaseContext& ctx, const cases::combine::Options& o) {
        const auto x = test::optional(ctx, "x"), multiplier = test::optional(ctx, "multiplier"),
                   z = test::optional(ctx, "z"), gate = test::optional(ctx, "gate"), w = test::optional(ctx, "w"),
                   y = ctx.data("y");
        const size_t tokens = o.shape.tokens, columns = o.shape.columns, wide = columns + (o.slices ? 4 : 0),
                     rows = y.size() / wide;
        std::vector<float> got;
        std::vector<test::Expected> expected;
        for (size_t t = 0; t < rows; ++t)
            for (size_t i = 0; i < wide; ++i) {
                const bool inside = !o.slices || (i >= 3 && i < 3 + columns);
                if (!inside) REQUIRE(std::isnan(y[t * wide + i])); // nothing is written beside the slice
                if (!inside || t >= tokens) continue;
                const size_t c = o.slices ? i - 3 : i, at = t * columns + c;
                const double g = gate.empty()                         ? 0
                                 : gate.size() == rows && columns > 1 ? gate[t]
                                                                      : gate[at],
                             factor = gate.empty() ? 1 : reference::gate_factor(g);
                const reference::CombineTerms terms{
                    x.empty() ? 0 : double(o.alpha) * x[at] * (multiplier.empty() ? 1 : multiplier[c]),
                    z.empty() ? 0 : double(o.beta) * z[at] * factor, w.empty() ? 0 : double(o.gamma) * w[at]};
                got.push_back(y[t * wide + i]);
                // Two products a term and two sums; exp of the gate is off by 3 + 2 |gate| ulp, of two roundings
                // each; below the smallest normal number a gate may be 0.
                const double sizes = std::abs(terms.x) + std::abs(terms.z) + std::abs(terms.w),
                             gate_error =
                                 gate.empty() ? 0 : 2 * (8 + 2 * std::min(std::abs(g), 90.0)) * std::abs(terms.z);
                expected.push_back(
                    {reference::combine(terms),
                     test::kEps32 * (5 * sizes + gate_error) +
                         (gate.empty() ? 0 : 1.2e-38 * (1 + (z.empty() ? 0 : std::abs(o.beta * z[at]))))});
            }
        test::require_close(got, expected, "y");
    });
}
