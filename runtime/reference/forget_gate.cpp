// SPDX-License-Identifier: Apache-2.0
#include "reference/forget_gate.hpp"
#include "cases/forget_gate.hpp"
#include "reference/comparison.hpp"

namespace weft::detail::kernel::cases::forget_gate {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &z = ctx.data("z"), bounds = ctx.optional("lower bound");
    const size_t columns = o.columns, around = o.around(), wide = columns + 2 * around;
    // Rows behind the last may hold anything.
    const size_t count = o.tokens * wide;
    std::vector<reference::Expected> g(count, reference::kUntouched), k = g;
    for (size_t t = 0; t < o.tokens; ++t)
        for (size_t c = 0; c < columns; ++c) {
            const size_t at = t * wide + around + c;
            const double x = double(z[at]), bound = bounds.empty() ? 0 : double(bounds[c]);
            const auto want = reference::forget_gate(x, bound, double(o.scale), double(o.least));
            // exp(x) is off by 3 + 2 |x| units of two roundings each, and what follows passes on at most twice as much;
            // quotients, log and products add some. Where exp(x) is no number, or its inverse none, a gate is 0 or 1.
            const double off = reference::kEps32 * (60 + 8 * std::min(std::abs(x), 90.0));
            g[at] = {want.g, off * std::abs(want.g) + 1.2e-38};
            k[at] = {want.k, off * std::abs(want.k) + 1.2e-38};
        }
    const auto first = [&](const char* tensor_name) {
        const auto& all = ctx.data(tensor_name);
        return std::vector<float>(all.begin(), all.begin() + long(count));
    };
    verdict.close(first("g"), g, "g");
    if (o.keys) verdict.close(first("k"), k, "k");
}

} // namespace weft::detail::kernel::cases::forget_gate
