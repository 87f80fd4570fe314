// SPDX-License-Identifier: Apache-2.0
#include "kernels/linear_scan.hpp"
#include "reference/linear_scan.hpp"
#include "scan_checks.hpp"

namespace weft::kernel {
KernelTable linear_scan_cases();
}

using namespace weft;
using kernel::DecayOf;

TEST_CASE("linear_scan", "[kernels]") {
    test::run_cases(kernel::linear_scan_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto o = test::optional(ctx, "options"), all = test::optional(ctx, "q, k, v, decay"),
                   constant = test::optional(ctx, "decay of a head"), bonus = test::optional(ctx, "bonus");
        const size_t heads = size_t(o[0]), size = size_t(o[1]), columns = size_t(o[2]), outputs = heads * columns,
                     q_at = size_t(o[8]), k_at = q_at + heads / size_t(o[3]) * size,
                     v_at = k_at + heads / size_t(o[4]) * size, decay_at = v_at + heads / size_t(o[5]) * columns;
        const auto decay_of = DecayOf(o[7]);
        const size_t decay_width = decay_of == DecayOf::channel ? size
                                   : decay_of == DecayOf::token ? 1
                                                                : 0,
                     width = decay_at + heads / size_t(o[6]) * decay_width;
        const double scale = o[9] != 0 ? o[9] : 1 / std::sqrt(double(size));
        std::vector<test::Expected> expected(ctx.data("y").size(), {std::nan(""), 0}), states;
        for (float v : ctx.data("state before")) states.push_back({v, 0}); // slots of no sequence keep their bits
        size_t token = 0;
        for (const auto& q : ctx.sequences()) {
            for (size_t h = 0; h < heads && q.count > 0; ++h) {
                const auto part = [&](size_t first, double ratio, size_t n) {
                    return test::block(all, width, token, q.count, first + h / size_t(ratio) * n, n);
                };
                const auto decays = part(decay_at, o[6], decay_width);
                std::vector<double> g(q.count * size);
                for (size_t i = 0; i < g.size(); ++i)
                    g[i] = decay_of == DecayOf::channel ? decays[i]
                           : decay_of == DecayOf::token ? decays[i / size]
                           : decay_of == DecayOf::head  ? constant[h / size_t(o[6])]
                                                        : 0;
                const std::vector<double> u(bonus.begin() + long(bonus.empty() ? 0 : h * size),
                                            bonus.begin() + long(bonus.empty() ? 0 : (h + 1) * size));
                const size_t one = size * columns, at = (q.slot * heads + h) * one, to = at + q.moved * heads * one;
                reference::LinearState state;
                for (size_t i = 0; i < one; ++i) state.value.push_back(q.past > 0 ? states[at + i].value : 0);
                const auto y = reference::linear_scan(size, columns, scale, part(q_at, o[3], size),
                                                      part(k_at, o[4], size), part(v_at, o[5], columns), g, u, state);
                for (size_t i = 0; i < y.value.size(); ++i)
                    expected[(token + i / columns) * (outputs + 3) + 2 + h * columns + i % columns] = {
                        y.value[i], test::kEps32 * y.error[i]};
                for (size_t i = 0; i < one; ++i) states[to + i] = {state.value[i], test::kEps32 * state.error[i]};
            }
            token += q.count;
        }
        test::require_close_or_untouched(ctx.data("y"), expected, "y");
        test::require_close_or_untouched(ctx.data("state"), states, "state");
    });
}
