// SPDX-License-Identifier: Apache-2.0
#include "cases/moe_sort.hpp"
#include "kernels/moe_sort.hpp"
#include "reference/comparison.hpp"
#include "reference/moe_sort.hpp"

namespace weft::detail::kernel::cases::moe_sort {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    auto chosen = ctx.words("experts"), order = ctx.words("order"), offsets = ctx.words("offsets");
    chosen.resize(size_t(o.shape.tokens) * o.shape.choices); // the real pairs
    const auto expected = reference::moe_sort(chosen, o.shape.experts);
    auto whole = expected.order;
    whole.resize(order.size(), ~0u); // left alone
    verdict.same(offsets, expected.offsets, "offsets");
    verdict.same(order, whole, "order");
}

} // namespace weft::detail::kernel::cases::moe_sort
