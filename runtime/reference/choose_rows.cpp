// SPDX-License-Identifier: Apache-2.0
#include "cases/choose_rows.hpp"
#include "reference/choose_rows.hpp"
#include "reference/comparison.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::choose_rows {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &x = ctx.data("x"), &y = ctx.data("y");
    const uint32_t wide = o.slices ? 5 : 1, from = o.slices ? 3 : 0, to = o.slices ? 2 : 0;
    std::vector<reference::Expected> expected(y.size(), reference::kUntouched);
    size_t first = 0;
    for (const auto& s : ctx.sequences()) {
        std::vector<float> scores;
        for (uint32_t i = 0; i < s.count; ++i) scores.push_back(x[(first + i) * wide + from]);
        // What a decimal share of a whole number of rows is, such as 0.35 of 20, is meant exactly.
        const auto kept = uint32_t(std::floor(double(o.capacity) * s.count * (1 + 1e-6)));
        const auto chosen =
            o.capacity > 0 ? reference::largest(scores, std::min(kept, s.count)) : reference::above_zero(scores);
        for (uint32_t i = 0; i < s.count; ++i) expected[(first + i) * wide + to] = {chosen[i] ? 1.0 : 0.0, 0};
        first += s.count;
    }
    verdict.close(y, expected, "y");
}

} // namespace weft::detail::kernel::cases::choose_rows
