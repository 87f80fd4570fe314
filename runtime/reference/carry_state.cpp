// SPDX-License-Identifier: Apache-2.0
#include "cases/carry_state.hpp"
#include "reference/carry_state.hpp"
#include "reference/comparison.hpp"

namespace weft::detail::kernel::cases::carry_state {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    std::vector<reference::Expected> expected;
    for (const float x : ctx.data("before")) expected.push_back({x, 0});
    for (uint32_t s = 0; s < o.sequences.size(); ++s)
        if (std::ranges::find(o.routed, s) == o.routed.end())
            reference::carry(expected, o.words, o.sequences[s].slot, o.sequences[s].slot + o.sequences[s].moved);
    verdict.close(ctx.data("state"), expected, "state");
}

} // namespace weft::detail::kernel::cases::carry_state
