// SPDX-License-Identifier: Apache-2.0
#include "cases/linear_scan.hpp"
#include "kernels/linear_scan.hpp"
#include "reference/block.hpp"
#include "reference/comparison.hpp"
#include "reference/linear_scan.hpp"

namespace weft::detail::kernel::cases::linear_scan {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto all = ctx.optional<double>("q, k, v, decay"), constant = ctx.optional<double>("decay of a head"),
               bonus = ctx.optional<double>("bonus");
    const size_t heads = o.shape.heads, size = o.shape.size, columns = o.shape.columns,
                 ratio = heads / o.shape.key_heads, q_at = o.lead, k_at = q_at + heads / ratio * size,
                 v_at = k_at + heads / ratio * size, outputs = heads * columns, decay_at = v_at + outputs;
    const size_t decay_width = o.decays() / heads, width = decay_at + heads * decay_width;
    const double scale = o.scale != 0 ? double(o.scale) : 1 / std::sqrt(double(size));
    std::vector<reference::Expected> expected(ctx.data("y").size(), reference::kUntouched), states;
    for (float v : ctx.data("state before")) states.push_back({v, 0}); // slots of no sequence keep their bits
    size_t token = 0;
    for (const auto& q : ctx.sequences()) {
        for (size_t h = 0; h < heads && q.count > 0; ++h) {
            const auto part = [&](size_t first, size_t head, size_t n) {
                return reference::block(all, width, token, q.count, first + head * n, n);
            };
            const auto decays = part(decay_at, h, decay_width);
            std::vector<double> g(q.count * size);
            for (size_t i = 0; i < g.size(); ++i)
                g[i] = o.decay_of == DecayOf::channel ? decays[i]
                       : o.decay_of == DecayOf::token ? decays[i / size]
                       : o.decay_of == DecayOf::head  ? constant[h]
                                                      : 0;
            const std::vector<double> u(bonus.begin() + long(bonus.empty() ? 0 : h * size),
                                        bonus.begin() + long(bonus.empty() ? 0 : (h + 1) * size));
            const size_t one = size * columns, at = (q.slot * heads + h) * one, to = at + q.moved * heads * one;
            reference::LinearState state;
            for (size_t i = 0; i < one; ++i) state.value.push_back(q.past > 0 ? states[at + i].value : 0);
            const auto y = reference::linear_scan(size, columns, scale, part(q_at, h / ratio, size),
                                                  part(k_at, h / ratio, size), part(v_at, h, columns), g, u, state);
            for (size_t i = 0; i < y.value.size(); ++i)
                expected[(token + i / columns) * (outputs + 3) + 2 + h * columns + i % columns] = {
                    y.value[i], reference::kEps32 * y.error[i]};
            for (size_t i = 0; i < one; ++i) states[to + i] = {state.value[i], reference::kEps32 * state.error[i]};
        }
        token += q.count;
    }
    verdict.close(ctx.data("y"), expected, "y");
    verdict.close(ctx.data("state"), states, "state");
}

} // namespace weft::detail::kernel::cases::linear_scan
