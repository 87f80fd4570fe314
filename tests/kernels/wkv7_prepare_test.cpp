// SPDX-License-Identifier: Apache-2.0
#include "cases/wkv7_prepare.hpp"
#include "kernels/wkv7_prepare.hpp"
#include "reference/wkv7_prepare.hpp"
#include "scan_checks.hpp"

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("wkv7_prepare", "[kernels]") {
    test::run_cases(cases::wkv7_prepare::table(), [](CaseContext& ctx, const cases::wkv7_prepare::Options& o) {
        const auto before = test::optional<double>(ctx, "before"), k_k = test::optional<double>(ctx, "k_k"),
                   k_a = test::optional<double>(ctx, "k_a"), first = test::optional<double>(ctx, "v_first"),
                   gate = test::optional<double>(ctx, "gate");
        const size_t tokens = o.shape.tokens, heads = o.shape.heads, size = o.shape.size, columns = o.shape.columns,
                     width = o.width(), keys = heads * size, values = heads * columns;
        std::vector<test::Expected> want;
        for (double v : before) want.push_back({v, 0});
        for (size_t t = 0; t < tokens; ++t) {
            const size_t row = t * width + 2;
            for (size_t h = 0; h < heads; ++h) {
                const auto part = [&](const std::vector<double>& all, size_t at) {
                    return std::vector<double>(all.begin() + long(at + h * size),
                                               all.begin() + long(at + (h + 1) * size));
                };
                const auto rate = part(before, row + keys), own_k_a = part(k_a, 0);
                const auto p = reference::wkv7_prepare(part(before, row), rate, part(k_k, 0), own_k_a);
                for (size_t i = 0; i < size; ++i) {
                    const size_t at = row + h * size + i;
                    // Products, a sum of K squares by a tree of serial parts, and an inverse root of 2 units.
                    const double roundings = double(size) / 64 + 24, key = std::abs(before[at]);
                    want[at] = {p.k[i], test::kEps32 * 4 * key * (1 + std::abs((rate[i] - 1) * own_k_a[i]))};
                    want[at + keys] = {p.b[i], test::kEps32 * (roundings + 1) * std::abs(p.b[i])};
                    want[at + 2 * keys] = {p.a[i], test::kEps32 * roundings * std::abs(p.a[i])};
                }
            }
            for (size_t i = 0; i < values; ++i) {
                const size_t at = row + 3 * keys + i, of = t * values + i;
                want[at] = {reference::drawn_value(before[at], first[of], gate[of]),
                            test::kEps32 * 3 * (2 * std::abs(before[at]) + std::abs(first[of]))};
            }
        }
        test::require_close_or_untouched(ctx.data("rows"), want, "rows");
    });
}
