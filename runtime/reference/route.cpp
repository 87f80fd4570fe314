// SPDX-License-Identifier: Apache-2.0
#include "cases/route.hpp"
#include "kernels/route.hpp"
#include "reference/comparison.hpp"
#include "reference/route.hpp"

namespace weft::detail::kernel::cases::route {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const size_t tokens = o.shape.tokens, experts = o.shape.experts, k = o.shape.choices, start = o.slice ? 3 : 0,
                 wide = o.wide();
    const RouteArgs& a = o.args;
    const reference::Router router{uint32_t(k),   int(a.score),  int(a.weight),
                                   a.groups,      a.kept_groups, a.group_score == GroupScore::best_two,
                                   a.renormalise, a.eps,         a.scale};
    const auto bias = ctx.optional<double>("bias");
    const auto &logits = ctx.data("logits"), &weights = ctx.data("weights");
    const auto chosen = ctx.words("experts");
    std::vector<reference::Expected> expected;
    for (size_t t = 0; t < tokens; ++t) {
        const auto row = logits.begin() + long(t * wide + start);
        const auto routed = reference::route(router, {row, row + long(experts)}, bias);
        verdict.same({chosen.begin() + long(t * k), chosen.begin() + long((t + 1) * k)}, routed.experts,
                     "experts of token " + std::to_string(t));
        for (size_t j = 0; j < k; ++j) {
            // exp is off by 3 + 2 |x| ulp and quotients by 2.5 ulp, each ulp two roundings, where |x| < 104 or
            // the result is 0; the sum of a softmax has E / LOCAL + 7 roundings and that of the chosen k.
            const double size = std::min(104.0, std::abs(double(row[routed.experts[j]])) +
                                                    (router.score == 0 || router.weight == 1 ? 8.0 : 0.0));
            const double roundings = 2 * (3 + 2 * size) * 2 + 20 + double(experts) / 64 + double(k);
            expected.push_back({routed.weights[j], reference::kEps32 * roundings * std::abs(routed.weights[j]) +
                                                       1.2e-38 * std::abs(router.scale)});
        }
    }
    for (size_t i = tokens * k; i < (a.tokens.per ? tokens : a.tokens.count) * k; ++i)
        verdict.same({chosen[i]}, {kNoExpert}, "experts of nobody");
    verdict.close(weights, expected, "weights");
}

} // namespace weft::detail::kernel::cases::route
