// SPDX-License-Identifier: Apache-2.0
#include "cases/wkv7.hpp"
#include "kernels/wkv7.hpp"
#include "reference/block.hpp"
#include "reference/comparison.hpp"
#include "reference/wkv7.hpp"

namespace weft::detail::kernel::cases::wkv7 {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto all = ctx.optional<double>("r, w, k, v, a, b");
    const size_t heads = o.shape.heads, size = o.shape.size, columns = o.shape.columns, lead = o.lead,
                 keys = heads * size, values = heads * columns, width = lead + 5 * keys + values, one = size * columns;
    std::vector<reference::Expected> expected(ctx.data("y").size(), reference::kUntouched), states;
    for (float v : ctx.data("state before")) states.push_back({v, 0}); // slots of no sequence keep their bits
    size_t token = 0;
    for (const auto& q : ctx.sequences()) {
        for (size_t h = 0; h < heads && q.count > 0; ++h) {
            const auto part = [&](size_t first, size_t n) {
                return reference::block(all, width, token, q.count, lead + first + h * n, n);
            };
            const size_t at = (q.slot * heads + h) * one, to = at + q.moved * heads * one;
            std::vector<double> state;
            for (size_t i = 0; i < one; ++i) state.push_back(q.past > 0 ? states[at + i].value : 0);
            const auto out = reference::wkv7(size, columns, part(0, size), part(keys, size), part(2 * keys, size),
                                             part(3 * keys, columns), part(3 * keys + values, size),
                                             part(4 * keys + values, size), state);
            for (size_t i = 0; i < out.y.size(); ++i)
                expected[(token + i / columns) * (values + 3) + 2 + h * columns + i % columns] = {
                    out.y[i], reference::kEps32 * out.y_error[i]};
            for (size_t i = 0; i < one; ++i)
                states[to + i] = {state[i], reference::kEps32 * out.state_error[i / columns]};
        }
        token += q.count;
    }
    verdict.close(ctx.data("y"), expected, "y");
    verdict.close(ctx.data("state"), states, "state");
}

} // namespace weft::detail::kernel::cases::wkv7
