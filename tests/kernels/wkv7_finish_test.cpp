// SPDX-License-Identifier: Apache-2.0
#include "cases/wkv7_finish.hpp"
#include "kernels/wkv7_finish.hpp"
#include "reference/wkv7_finish.hpp"
#include "scan_checks.hpp"

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("wkv7_finish", "[kernels]") {
    test::run_cases(cases::wkv7_finish::table(), [](CaseContext& ctx, const cases::wkv7_finish::Options& o) {
        const auto before = test::optional<double>(ctx, "before"), rows = test::optional<double>(ctx, "rows"),
                   gate = test::optional<double>(ctx, "gate"), r_k = test::optional<double>(ctx, "r_k"),
                   weight = test::optional<double>(ctx, "weight"), bias = test::optional<double>(ctx, "bias");
        const size_t tokens = o.shape.tokens, heads = o.shape.heads, size = o.shape.size, columns = o.shape.columns,
                     keys = heads * size, values = heads * columns, width = 3 + 2 * keys + values;
        std::vector<test::Expected> want;
        for (double v : before) want.push_back({v, 0});
        for (size_t t = 0; t < tokens; ++t)
            for (size_t h = 0; h < heads; ++h) {
                const auto part = [&](const std::vector<double>& all, size_t at, size_t n) {
                    return std::vector<double>(all.begin() + long(at + h * n), all.begin() + long(at + (h + 1) * n));
                };
                const size_t row = t * width + 3;
                const auto f = reference::wkv7_finish(
                    part(before, t * (values + 3) + 1, columns), part(rows, row, size), part(rows, row + keys, size),
                    part(rows, row + 2 * keys, columns), part(gate, t * values, columns), part(r_k, 0, size),
                    part(weight, 0, columns), part(bias, 0, columns), double(64e-5f));
                for (size_t i = 0; i < columns; ++i)
                    want[t * (values + 3) + 1 + h * columns + i] = {f.value[i], test::kEps32 * f.error[i]};
            }
        test::require_close_or_untouched(ctx.data("y"), want, "y");
    });
}
