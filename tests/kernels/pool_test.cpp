// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/pool.hpp"
#include <cmath>

using namespace weft;
using namespace weft::detail;
using kernel::CaseContext;

TEST_CASE("pool: a sequence gives the same bits in any company", "[kernels]") {
    constexpr uint32_t kColumns = 40, kRows = 700;
    const auto rows = Random(3).normals(size_t(kRows) * kColumns);
    for (const uint32_t lanes : {1u, 8u}) {
        // The last sequence of each step has the same rows.
        const auto run = [&](const std::vector<CaseContext::Sequence>& sequences) {
            CaseContext ctx(test::gpu(), 1);
            kernel::PoolArgs a;
            a.step = ctx.step(sequences);
            std::vector<float> x(size_t(a.step.max_tokens - kRows) * kColumns, 1.0f);
            x.insert(x.end(), rows.begin(), rows.end());
            a.x = ctx.input("x", DType::f32, {a.step.max_tokens, kColumns}, x);
            a.y = ctx.output("y", DType::f32, {a.step.max_sequences, kColumns});
            kernel::pool(ctx.recorder(), a, lanes);
            const auto status = ctx.run();
            INFO((status ? "" : status.error().text()));
            REQUIRE(bool(status));
            const auto& y = ctx.data("y");
            return std::vector<float>(y.end() - kColumns, y.end());
        };
        const auto alone = run({{0, kRows, 0}});
        REQUIRE(run({{0, 5, 0}, {1, 0, 0}, {2, 4000, 0}, {3, kRows, 0}}) == alone);
    }
    test::require_no_validation_messages();
}
