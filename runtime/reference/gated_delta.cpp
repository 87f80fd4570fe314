// SPDX-License-Identifier: Apache-2.0
#include "cases/gated_delta.hpp"
#include "kernels/gated_delta.hpp"
#include "reference/block.hpp"
#include "reference/comparison.hpp"
#include "reference/gated_delta.hpp"

namespace weft::detail::kernel::cases::gated_delta {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto all = ctx.optional<double>("q, k, v, b, a"), bias = ctx.optional<double>("dt bias"),
               a_head = ctx.optional<double>("a head");
    const reference::GatedDeltaShape s{
        o.shape.key_heads, o.shape.heads, o.shape.size, o.shape.columns, 1 / std::sqrt(double(o.shape.size)),
        o.beta_scale,      o.gate,        o.l2};
    const size_t lead = o.lead, keys = s.key_heads * s.size, values = s.heads * s.columns,
                 width = lead + 2 * keys + values + 2 * s.heads, one = s.columns * s.size;
    std::vector<reference::Expected> outputs(ctx.data("y").size(), reference::kUntouched), states;
    for (float v : ctx.data("state before")) states.push_back({v, 0}); // slots of no sequence keep their bits
    size_t token = 0;
    for (const auto& q : ctx.sequences()) {
        for (size_t h = 0; h < s.heads && q.count > 0; ++h) {
            const auto part = [&](size_t first, size_t columns) {
                return reference::block(all, width, token, q.count, first, columns);
            };
            const size_t key_head = o.tiled ? h % s.key_heads : h / (s.heads / s.key_heads),
                         at = (q.slot * s.heads + h) * one, to = at + q.moved * s.heads * one;
            std::vector<double> state(one), y_error, state_error;
            for (size_t i = 0; i < one && q.past > 0; ++i) state[i] = states[at + i].value;
            const auto y = reference::gated_delta(
                s, part(lead + key_head * s.size, s.size), part(lead + keys + key_head * s.size, s.size),
                part(lead + 2 * keys + h * s.columns, s.columns), part(width - 2 * s.heads + h, 1),
                part(width - s.heads + h, 1), bias.empty() ? 0 : bias[h], s.decay ? a_head[h] : 0, state, y_error,
                state_error);
            for (size_t i = 0; i < y.size(); ++i)
                outputs[(token + i / s.columns) * (values + 3) + 2 + h * s.columns + i % s.columns] = {
                    y[i], reference::kEps32 * y_error[i]};
            for (size_t i = 0; i < one; ++i)
                states[to + i] = {state[i], reference::kEps32 * state_error[i % s.columns]};
        }
        token += q.count;
    }
    verdict.close(ctx.data("y"), outputs, "y");
    verdict.close(ctx.data("state"), states, "state");
}

} // namespace weft::detail::kernel::cases::gated_delta
