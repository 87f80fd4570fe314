// SPDX-License-Identifier: Apache-2.0
#include "cases/gated_delta.hpp"
#include "kernels/gated_delta.hpp"
#include "reference/gated_delta.hpp"
#include "scan_checks.hpp"

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("gated_delta", "[kernels]") {
    test::run_cases(cases::gated_delta::table(), [](CaseContext& ctx, const cases::gated_delta::Options& o) {
        const auto all = test::optional<double>(ctx, "q, k, v, b, a"), bias = test::optional<double>(ctx, "dt bias"),
                   a_head = test::optional<double>(ctx, "a head");
        const reference::GatedDeltaShape s{
            o.shape.key_heads, o.shape.heads, o.shape.size, o.shape.columns, 1 / std::sqrt(double(o.shape.size)),
            o.beta_scale,      o.gate,        o.l2};
        const size_t lead = o.lead, keys = s.key_heads * s.size, values = s.heads * s.columns,
                     width = lead + 2 * keys + values + 2 * s.heads, one = s.columns * s.size;
        std::vector<test::Expected> outputs(ctx.data("y").size(), {std::nan(""), 0}), states;
        for (float v : ctx.data("state before")) states.push_back({v, 0}); // slots of no sequence keep their bits
        size_t token = 0;
        for (const auto& q : ctx.sequences()) {
            for (size_t h = 0; h < s.heads && q.count > 0; ++h) {
                const auto part = [&](size_t first, size_t columns) {
                    return test::block(all, width, token, q.count, first, columns);
                };
                const size_t key_head = h / (s.heads / s.key_heads), at = (q.slot * s.heads + h) * one,
                             to = at + q.moved * s.heads * one;
                std::vector<double> state(one), y_error, state_error;
                for (size_t i = 0; i < one && q.past > 0; ++i) state[i] = states[at + i].value;
                const auto y = reference::gated_delta(
                    s, part(lead + key_head * s.size, s.size), part(lead + keys + key_head * s.size, s.size),
                    part(lead + 2 * keys + h * s.columns, s.columns), part(width - 2 * s.heads + h, 1),
                    part(width - s.heads + h, 1), bias.empty() ? 0 : bias[h], s.decay ? a_head[h] : 0, state, y_error,
                    state_error);
                for (size_t i = 0; i < y.size(); ++i)
                    outputs[(token + i / s.columns) * (values + 3) + 2 + h * s.columns + i % s.columns] = {
                        y[i], test::kEps32 * y_error[i]};
                for (size_t i = 0; i < one; ++i) states[to + i] = {state[i], test::kEps32 * state_error[i % s.columns]};
            }
            token += q.count;
        }
        test::require_close_or_untouched(ctx.data("y"), outputs, "y");
        test::require_close_or_untouched(ctx.data("state"), states, "state");
    });
}
