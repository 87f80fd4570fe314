// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/sample.hpp"
#include "reference/remember.hpp"

namespace weft::kernel {
KernelTable remember_cases();
}

using namespace weft;

TEST_CASE("remember", "[kernels]") {
    test::run_cases(kernel::remember_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto history = ctx.words("history"), ids = ctx.words("step ids");
        std::vector<uint32_t> expected(history.size(), ~0u);
        size_t t = 0;
        for (const auto& s : ctx.sequences())
            for (uint32_t i = 0; i < s.count; ++i)
                reference::remember(expected, history.size() / 6, s.slot, s.past + i, ids[t++]);
        REQUIRE(history == expected);
    });
}
