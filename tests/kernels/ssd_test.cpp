// SPDX-License-Identifier: Apache-2.0
#include "cases/ssd.hpp"
#include "kernels/ssd.hpp"
#include "reference/ssd.hpp"
#include "scan_checks.hpp"

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("ssd", "[kernels]") {
    test::run_cases(cases::ssd::table(), [](CaseContext& ctx, const cases::ssd::Options& o) {
        const auto all = test::optional<double>(ctx, "x, b, c, dt"), bias = test::optional<double>(ctx, "dt bias"),
                   a = test::optional<double>(ctx, "a"), d = test::optional<double>(ctx, "d");
        const reference::SsdShape s{o.shape.heads, o.shape.groups, o.shape.columns, o.shape.size, o.dt_min, o.dt_max};
        const size_t lead = o.lead, inner = s.heads * s.columns, bc = s.groups * s.size,
                     width = lead + inner + 2 * bc + s.heads, one = s.columns * s.size;
        std::vector<test::Expected> outputs(ctx.data("y").size(), {std::nan(""), 0}), states;
        for (float v : ctx.data("state before")) states.push_back({v, 0}); // slots of no sequence keep their bits
        size_t token = 0;
        for (const auto& q : ctx.sequences()) {
            for (size_t h = 0; h < s.heads && q.count > 0; ++h) {
                const auto part = [&](size_t first, size_t columns) {
                    return test::block(all, width, token, q.count, first, columns);
                };
                const size_t group = h / (s.heads / s.groups), at = (q.slot * s.heads + h) * one,
                             to = at + q.moved * s.heads * one;
                std::vector<reference::Bounded> state(one);
                for (size_t i = 0; i < one && q.past > 0; ++i) state[i].value = states[at + i].value;
                const auto y = reference::ssd(
                    s, part(lead + h * s.columns, s.columns), part(lead + inner + group * s.size, s.size),
                    part(lead + inner + bc + group * s.size, s.size), part(lead + inner + 2 * bc + h, 1),
                    bias.empty() ? 0 : bias[h], a[h], d.empty() ? 0 : d[h], state);
                for (size_t i = 0; i < y.size(); ++i)
                    outputs[(token + i / s.columns) * (inner + 3) + 2 + h * s.columns + i % s.columns] = {
                        y[i].value, test::kEps32 * y[i].error};
                for (size_t i = 0; i < one; ++i) states[to + i] = {state[i].value, test::kEps32 * state[i].error};
            }
            token += q.count;
        }
        test::require_close_or_untouched(ctx.data("y"), outputs, "y");
        test::require_close_or_untouched(ctx.data("state"), states, "state");
    });
}
