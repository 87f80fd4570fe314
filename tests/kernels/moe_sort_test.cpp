// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/moe_sort.hpp"
#include "reference/moe_sort.hpp"

namespace weft::kernel {
KernelTable moe_sort_cases();
}

using namespace weft;

TEST_CASE("moe_sort", "[kernels]") {
    test::run_cases(kernel::moe_sort_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto& s = ctx.data("settings");
        auto chosen = ctx.words("experts"), order = ctx.words("order"), offsets = ctx.words("offsets");
        chosen.resize(size_t(s[0]) * size_t(s[1])); // the real pairs
        const auto expected = reference::moe_sort(chosen, uint32_t(s[2]));
        REQUIRE(offsets == expected.offsets);
        for (size_t i = expected.order.size(); i < order.size(); ++i) REQUIRE(order[i] == ~0u); // left alone
        order.resize(expected.order.size());
        REQUIRE(order == expected.order);
    });
}
