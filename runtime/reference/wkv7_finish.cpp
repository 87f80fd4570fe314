// SPDX-License-Identifier: Apache-2.0
#include "cases/wkv7_finish.hpp"
#include "kernels/wkv7_finish.hpp"
#include "reference/comparison.hpp"
#include "reference/wkv7_finish.hpp"

namespace weft::detail::kernel::cases::wkv7_finish {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto before = ctx.optional<double>("before"), rows = ctx.optional<double>("rows"),
               gate = ctx.optional<double>("gate"), r_k = ctx.optional<double>("r_k"),
               weight = ctx.optional<double>("weight"), bias = ctx.optional<double>("bias");
    const size_t tokens = o.shape.tokens, heads = o.shape.heads, size = o.shape.size, columns = o.shape.columns,
                 keys = heads * size, values = heads * columns, width = 3 + 2 * keys + values;
    std::vector<reference::Expected> want;
    for (double v : before) want.push_back({v, 0});
    for (size_t t = 0; t < tokens; ++t)
        for (size_t h = 0; h < heads; ++h) {
            const auto part = [&](const std::vector<double>& all, size_t at, size_t n) {
                return std::vector<double>(all.begin() + long(at + h * n), all.begin() + long(at + (h + 1) * n));
            };
            const size_t row = t * width + 3;
            const auto f = reference::wkv7_finish(part(before, t * (values + 3) + 1, columns), part(rows, row, size),
                                                  part(rows, row + keys, size), part(rows, row + 2 * keys, columns),
                                                  part(gate, t * values, columns), part(r_k, 0, size),
                                                  part(weight, 0, columns), part(bias, 0, columns), double(64e-5f));
            for (size_t i = 0; i < columns; ++i)
                want[t * (values + 3) + 1 + h * columns + i] = {f.value[i], reference::kEps32 * f.error[i]};
        }
    verdict.close(ctx.data("y"), want, "y");
}

} // namespace weft::detail::kernel::cases::wkv7_finish
