// SPDX-License-Identifier: Apache-2.0
#include "cases/wkv7_prepare.hpp"
#include "kernels/wkv7_prepare.hpp"
#include "reference/comparison.hpp"
#include "reference/wkv7_prepare.hpp"

namespace weft::detail::kernel::cases::wkv7_prepare {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto before = ctx.optional<double>("before"), k_k = ctx.optional<double>("k_k"),
               k_a = ctx.optional<double>("k_a"), first = ctx.optional<double>("v_first"),
               gate = ctx.optional<double>("gate");
    const size_t tokens = o.shape.tokens, heads = o.shape.heads, size = o.shape.size, columns = o.shape.columns,
                 width = o.width(), keys = heads * size, values = heads * columns;
    std::vector<reference::Expected> want;
    for (double v : before) want.push_back({v, 0});
    for (size_t t = 0; t < tokens; ++t) {
        const size_t row = t * width + 2;
        for (size_t h = 0; h < heads; ++h) {
            const auto part = [&](const std::vector<double>& all, size_t at) {
                return std::vector<double>(all.begin() + long(at + h * size), all.begin() + long(at + (h + 1) * size));
            };
            const auto rate = part(before, row + keys), own_k_a = part(k_a, 0);
            const auto p = reference::wkv7_prepare(part(before, row), rate, part(k_k, 0), own_k_a);
            for (size_t i = 0; i < size; ++i) {
                const size_t at = row + h * size + i;
                // Products, a sum of K squares by a tree of serial parts, and an inverse root of 2 units.
                const double roundings = double(size) / 64 + 24, key = std::abs(before[at]);
                want[at] = {p.k[i], reference::kEps32 * 4 * key * (1 + std::abs((rate[i] - 1) * own_k_a[i]))};
                want[at + keys] = {p.b[i], reference::kEps32 * (roundings + 1) * std::abs(p.b[i])};
                want[at + 2 * keys] = {p.a[i], reference::kEps32 * roundings * std::abs(p.a[i])};
            }
        }
        for (size_t i = 0; i < values; ++i) {
            const size_t at = row + 3 * keys + i, of = t * values + i;
            want[at] = {reference::drawn_value(before[at], first[of], gate[of]),
                        reference::kEps32 * 3 * (2 * std::abs(before[at]) + std::abs(first[of]))};
        }
    }
    verdict.close(ctx.data("rows"), want, "rows");
}

} // namespace weft::detail::kernel::cases::wkv7_prepare
