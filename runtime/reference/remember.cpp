// SPDX-License-Identifier: Apache-2.0
#include "cases/remember.hpp"
#include "kernels/sample.hpp"
#include "reference/comparison.hpp"
#include "reference/remember.hpp"

namespace weft::detail::kernel::cases::remember {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto history = ctx.words("history"), ids = ctx.words("step ids");
    std::vector<uint32_t> expected(history.size(), ~0u);
    size_t t = 0;
    for (const auto& s : ctx.sequences())
        for (uint32_t i = 0; i < s.count; ++i) reference::remember(expected, o.capacity, s.slot, s.past + i, ids[t++]);
    verdict.same(history, expected, "history");
}

} // namespace weft::detail::kernel::cases::remember
