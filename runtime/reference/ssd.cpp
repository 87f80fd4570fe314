// SPDX-License-Identifier: Apache-2.0
#include "cases/ssd.hpp"
#include "kernels/ssd.hpp"
#include "reference/block.hpp"
#include "reference/comparison.hpp"
#include "reference/ssd.hpp"

namespace weft::detail::kernel::cases::ssd {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto all = ctx.optional<double>("x, b, c, dt"), bias = ctx.optional<double>("dt bias"),
               a = ctx.optional<double>("a"), d = ctx.optional<double>("d");
    const reference::SsdShape s{o.shape.heads, o.shape.groups, o.shape.columns, o.shape.size, o.dt_min, o.dt_max};
    const size_t lead = o.lead, inner = s.heads * s.columns, bc = s.groups * s.size,
                 width = lead + inner + 2 * bc + s.heads, one = s.columns * s.size;
    std::vector<reference::Expected> outputs(ctx.data("y").size(), reference::kUntouched), states;
    for (float v : ctx.data("state before")) states.push_back({v, 0}); // slots of no sequence keep their bits
    size_t token = 0;
    for (const auto& q : ctx.sequences()) {
        for (size_t h = 0; h < s.heads && q.count > 0; ++h) {
            const auto part = [&](size_t first, size_t columns) {
                return reference::block(all, width, token, q.count, first, columns);
            };
            const size_t group = h / (s.heads / s.groups), at = (q.slot * s.heads + h) * one,
                         to = at + q.moved * s.heads * one;
            std::vector<reference::Bounded> state(one);
            for (size_t i = 0; i < one && q.past > 0; ++i) state[i].value = states[at + i].value;
            const auto y =
                reference::ssd(s, part(lead + h * s.columns, s.columns), part(lead + inner + group * s.size, s.size),
                               part(lead + inner + bc + group * s.size, s.size), part(lead + inner + 2 * bc + h, 1),
                               bias.empty() ? 0 : bias[h], a[h], d.empty() ? 0 : d[h], state);
            for (size_t i = 0; i < y.size(); ++i)
                outputs[(token + i / s.columns) * (inner + 3) + 2 + h * s.columns + i % s.columns] = {
                    y[i].value, reference::kEps32 * y[i].error};
            for (size_t i = 0; i < one; ++i) states[to + i] = {state[i].value, reference::kEps32 * state[i].error};
        }
        token += q.count;
    }
    verdict.close(ctx.data("y"), outputs, "y");
    verdict.close(ctx.data("state"), states, "state");
}

} // namespace weft::detail::kernel::cases::ssd
