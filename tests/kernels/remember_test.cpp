// SPDX-License-Identifier: Apache-2.0
#include "cases/remember.hpp"
#include "harness/compare.hpp"
#include "kernels/sample.hpp"
#include "reference/remember.hpp"

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("remember", "[kernels]") {
    test::run_cases(cases::remember::table(), [](CaseContext& ctx, const cases::remember::Options& o) {
        const auto history = ctx.words("history"), ids = ctx.words("step ids");
        std::vector<uint32_t> expected(history.size(), ~0u);
        size_t t = 0;
        for (const auto& s : ctx.sequences())
            for (uint32_t i = 0; i < s.count; ++i)
                reference::remember(expected, o.capacity, s.slot, s.past + i, ids[t++]);
        REQUIRE(history == expected);
    });
}
