// SPDX-License-Identifier: Apache-2.0
#include "kernels/wkv7_prepare.hpp"
#include "reference/wkv7_prepare.hpp"
#include "scan_checks.hpp"

namespace weft::kernel {
KernelTable wkv7_prepare_cases();
}

using namespace weft;

TEST_CASE("wkv7_prepare", "[kernels]") {
    test::run_cases(kernel::wkv7_prepare_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto o = test::optional(ctx, "options"), before = test::optional(ctx, "before"),
                   k_k = test::optional(ctx, "k_k"), k_a = test::optional(ctx, "k_a"),
                   first = test::optional(ctx, "v_first"), gate = test::optional(ctx, "gate");
        const size_t tokens = size_t(o[0]), heads = size_t(o[1]), size = size_t(o[2]), columns = size_t(o[3]),
                     width = size_t(o[4]), keys = heads * size, values = heads * columns;
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
