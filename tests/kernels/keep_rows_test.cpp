// SPDX-License-Identifier: Apache-2.0
#include "cases/keep_rows.hpp"
#include "harness/compare.hpp"
#include "reference/keep_rows.hpp"
#include <cmath>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("keep_rows", "[kernels]") {
    test::run_cases(cases::keep_rows::table(), [](CaseContext& ctx, const cases::keep_rows::Options& o) {
        const auto &x = ctx.data("x"), &memory = ctx.data("memory");
        std::vector<float> expected(memory.size(), NAN); // nothing else is written
        size_t t = 0;
        for (const auto& s : ctx.sequences())
            for (uint32_t i = 0; i < s.count; ++i, ++t) {
                const int64_t row = reference::kept_row(s.slot, s.memory, i, o.capacity);
                for (uint32_t c = 0; row >= 0 && c < o.columns; ++c)
                    expected[size_t(row) * o.columns + c] = x[t * o.wide() + (o.slices ? 5 : 0) + c];
            }
        size_t wrong = 0;
        for (size_t i = 0; i < memory.size(); ++i)
            wrong += std::isnan(expected[i]) ? !std::isnan(memory[i]) : memory[i] != expected[i]; // copies are exact
        REQUIRE(wrong == 0);
    });
}
