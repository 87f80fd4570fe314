// SPDX-License-Identifier: Apache-2.0
#include "cases/moe_combine.hpp"
#include "kernels/moe_combine.hpp"
#include "reference/comparison.hpp"
#include "reference/moe_combine.hpp"

namespace weft::detail::kernel::cases::moe_combine {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &out = ctx.data("expert out"), &y = ctx.data("y");
    const auto weights = ctx.optional("weights"), shared = ctx.optional("shared"), gate = ctx.optional("gate"),
               residual = ctx.optional("residual");
    const size_t tokens = o.shape.tokens, k = o.shape.choices, columns = o.shape.columns, more = o.more(),
                 start = more ? 2 : 0, wide = columns + more;
    std::vector<float> got;
    size_t beside = 0;
    std::vector<reference::Expected> expected;
    for (size_t t = 0; t < tokens; ++t)
        for (size_t i = 0; i < wide; ++i) {
            if (i < start || i >= start + columns) {
                beside += !std::isnan(y[t * wide + i]);
                continue;
            }
            std::vector<double> w, outputs;
            for (size_t j = 0; j < k; ++j) {
                w.push_back(weights.empty() ? 1 : weights[t * k + j]);
                outputs.push_back(out[(t * k + j) * columns + i - start]);
            }
            const double factor =
                o.shared_scale * (gate.empty() ? 1 : 1 / (1 + std::exp(-double(gate[t * (1 + more) + start]))));
            const auto sum = reference::moe_combine(w, outputs, o.scale, shared.empty() ? 0 : shared[t * wide + i],
                                                    factor, residual.empty() ? 0 : residual[t * wide + i]);
            got.push_back(y[t * wide + i]);
            // k + 2 terms summed one after another, three products each; the sigmoid of |gate| < 20 is off
            // by 2 (8 + 2 * 20) units at most.
            expected.push_back({sum.value, reference::kEps32 * (double(k) + 5 + (gate.empty() ? 0 : 96)) * sum.size});
        }
    verdict.close(got, expected, "y");
    verdict.none(beside, "numbers beside the slice were written");
}

} // namespace weft::detail::kernel::cases::moe_combine
