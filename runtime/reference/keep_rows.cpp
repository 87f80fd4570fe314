// SPDX-License-Identifier: Apache-2.0
#include "cases/keep_rows.hpp"
#include "reference/comparison.hpp"
#include "reference/keep_rows.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::keep_rows {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &x = ctx.data("x"), &memory = ctx.data("memory");
    std::vector<reference::Expected> expected(memory.size(), reference::kUntouched);
    size_t t = 0;
    for (const auto& s : ctx.sequences())
        for (uint32_t i = 0; i < s.count; ++i, ++t) {
            const int64_t row = reference::kept_row(s.slot, s.memory, i, o.capacity);
            for (uint32_t c = 0; row >= 0 && c < o.columns; ++c)
                expected[size_t(row) * o.columns + c] = {x[t * o.wide() + (o.slices ? 5 : 0) + c], 0};
        }
    verdict.close(memory, expected, "memory");
}

} // namespace weft::detail::kernel::cases::keep_rows
