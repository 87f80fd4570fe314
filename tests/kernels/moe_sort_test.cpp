// SPDX-License-Identifier: Apache-2.0
#include "cases/moe_sort.hpp"
#include "harness/compare.hpp"
#include "kernels/moe_sort.hpp"
#include "reference/moe_sort.hpp"

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("moe_sort", "[kernels]") {
    test::run_cases(cases::moe_sort::table(), [](CaseContext& ctx, const cases::moe_sort::Options& o) {
        auto chosen = ctx.words("experts"), order = ctx.words("order"), offsets = ctx.words("offsets");
        chosen.resize(size_t(o.shape.tokens) * o.shape.choices); // the real pairs
        const auto expected = reference::moe_sort(chosen, o.shape.experts);
        REQUIRE(offsets == expected.offsets);
        for (size_t i = expected.order.size(); i < order.size(); ++i) REQUIRE(order[i] == ~0u); // left alone
        order.resize(expected.order.size());
        REQUIRE(order == expected.order);
    });
}
