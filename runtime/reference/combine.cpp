// SPDX-License-Identifier: Apache-2.0
#include "cases/combine.hpp"
#include "kernels/combine.hpp"
#include "reference/combine.hpp"
#include "reference/comparison.hpp"

namespace weft::detail::kernel::cases::combine {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto x = ctx.optional("x"), multiplier = ctx.optional("multiplier"), z = ctx.optional("z"),
               gate = ctx.optional("gate"), w = ctx.optional("w"), y = ctx.data("y");
    const size_t tokens = o.shape.tokens, columns = o.shape.columns, wide = columns + (o.slices ? 4 : 0),
                 rows = y.size() / wide;
    std::vector<float> got;
    size_t beside = 0;
    std::vector<reference::Expected> expected;
    for (size_t t = 0; t < rows; ++t)
        for (size_t i = 0; i < wide; ++i) {
            const bool inside = !o.slices || (i >= 3 && i < 3 + columns);
            beside += !inside && !std::isnan(y[t * wide + i]);
            if (!inside || t >= tokens) continue;
            const size_t c = o.slices ? i - 3 : i, at = t * columns + c;
            const double g = gate.empty()                         ? 0
                             : gate.size() == rows && columns > 1 ? gate[t]
                                                                  : gate[at],
                         factor = gate.empty()        ? 1
                                  : o.has(kPlainGate) ? g
                                                      : reference::gate_factor(g);
            const reference::CombineTerms terms{
                x.empty() ? 0 : double(o.alpha) * x[at] * (multiplier.empty() ? 1 : multiplier[c]),
                z.empty() ? 0 : double(o.beta) * z[at] * factor, w.empty() ? 0 : double(o.gamma) * w[at]};
            got.push_back(y[t * wide + i]);
            // Two products a term and two sums; exp of the gate is off by 3 + 2 |gate| ulp, of two roundings
            // each; below the smallest normal number a gate may be 0.
            const double sizes = std::abs(terms.x) + std::abs(terms.z) + std::abs(terms.w),
                         gate_error = gate.empty() || o.has(kPlainGate)
                                          ? 0
                                          : 2 * (8 + 2 * std::min(std::abs(g), 90.0)) * std::abs(terms.z);
            expected.push_back({reference::combine(terms),
                                reference::kEps32 * (5 * sizes + gate_error) +
                                    (gate.empty() ? 0 : 1.2e-38 * (1 + (z.empty() ? 0 : std::abs(o.beta * z[at]))))});
        }
    verdict.close(got, expected, "y");
    verdict.none(beside, "numbers beside the slice were written");
}

} // namespace weft::detail::kernel::cases::combine
