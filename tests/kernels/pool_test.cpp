// SPDX-License-Identifier: Apache-2.0
#include "cases/pool.hpp"
#include "harness/compare.hpp"
#include "kernels/pool.hpp"
#include "reference/pool.hpp"
#include <cmath>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("pool", "[kernels]") {
    test::run_cases(cases::pool::table(), [](CaseContext& ctx, const cases::pool::Options& o) {
        const auto &x = ctx.data("x"), &y = ctx.data("y");
        const bool max = o.kind == kernel::PoolKind::max;
        const size_t columns = o.columns, x_start = o.slices ? 5 : 0, y_start = o.slices ? 1 : 0, wide = o.wide();
        std::vector<test::Expected> expected;
        std::vector<float> got;
        size_t first = 0, row = 0;
        for (const auto& sequence : ctx.sequences()) {
            const size_t skipped = std::min(o.skip, sequence.count),
                         count = std::min<size_t>(o.most, sequence.count - skipped);
            for (size_t c = 0; c < columns; ++c) {
                const auto p = reference::pool(x.data() + (first + skipped) * wide + x_start + c, count, wide, max);
                // Of a sum: two roundings of four rows; what their running sum loses is added at the end, itself with
                // an error of second order; three roundings of up to eight lanes. The division is off by 2.5 units in
                // the last place (Vulkan). A maximum is exact.
                const double roundings = max ? 0 : 2 + 1 + 3 + 5 + 1;
                expected.push_back({p.value, test::kEps32 * roundings * p.mean_abs});
                got.push_back(y[row * wide + y_start + c]);
            }
            first += sequence.count;
            ++row;
        }
        test::require_close(got, expected, "y");
        size_t written = 0; // beside the slice, and in rows beyond the sequences
        for (size_t i = 0; i < y.size(); ++i)
            written += !std::isnan(y[i]) && (i / wide >= row || i % wide < y_start || i % wide >= y_start + columns);
        REQUIRE(written == 0);
    });
}

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
