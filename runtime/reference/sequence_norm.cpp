// SPDX-License-Identifier: Apache-2.0
#include "cases/sequence_norm.hpp"
#include "reference/comparison.hpp"
#include "reference/sequence_norm.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::kernel::cases::sequence_norm {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &x = ctx.data("x"), &y = ctx.data("y"), &weight = ctx.data("weight"), &bias = ctx.data("bias");
    const size_t columns = o.columns, x_start = o.slices ? 5 : 0, y_start = o.slices ? 1 : 0, wide = o.wide();
    std::vector<reference::Expected> expected;
    std::vector<float> got;
    size_t first = 0;
    for (const auto& sequence : ctx.sequences()) {
        for (size_t c = 0; c < columns; ++c) {
            std::vector<double> rows(sequence.count);
            double size = 0, squares = 0, mean = 0;
            for (size_t t = 0; t < rows.size(); ++t) {
                rows[t] = x[(first + t) * wide + x_start + c];
                size = std::max(size, std::abs(rows[t]));
                mean += rows[t] / double(rows.size());
            }
            for (const double v : rows) squares += (v - mean) * (v - mean) / double(rows.size());
            const double scale = std::abs(weight[c]) / std::sqrt(squares + o.eps);
            const auto due = reference::sequence_norm(rows, weight[c], bias[c], o.eps);
            for (size_t t = 0; t < rows.size(); ++t) {
                // The mean is off by some roundings of what is added to it, the variance by as many of itself;
                // division and root 2.5 units each. The slope of the activation is at most 1.13; around it
                // as for products (product_tolerance.hpp).
                const double error = reference::kEps32 *
                                     (8 * size * scale + 24 * std::abs(due[t] - bias[c]) + 2 * std::abs(bias[c])),
                             act = reference::activation(uint32_t(o.activation), due[t]), v = std::abs(due[t]);
                const double around = o.activation == Activation::none
                                          ? 0
                                          : reference::kEps32 * (16 + 4 * v + 2 * v * v) * std::max(v, 0.25);
                expected.push_back({act, 1.13 * error + around});
                got.push_back(y[(first + t) * wide + y_start + c]);
            }
        }
        first += sequence.count;
    }
    verdict.close(got, expected, "y");
    size_t written = 0; // beside the slice
    for (size_t i = 0; i < y.size(); ++i)
        written += !std::isnan(y[i]) && (i % wide < y_start || i % wide >= y_start + columns);
    verdict.none(written, "numbers beside the slice were written");
}

} // namespace weft::detail::kernel::cases::sequence_norm
