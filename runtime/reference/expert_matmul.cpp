// SPDX-License-Identifier: Apache-2.0
#include "cases/expert_matmul.hpp"
#include "expert_matmul.gen.hpp"
#include "kernels/expert_matmul.hpp"
#include "kernels/products.hpp"
#include "reference/comparison.hpp"
#include "reference/expert_matmul.hpp"
#include "reference/product_tolerance.hpp"

namespace weft::detail::kernel::cases::expert_matmul {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &x = ctx.data("x"), &weight = ctx.data("weight"), &y = ctx.data("y");
    const auto bias = ctx.optional("bias"), scale = ctx.optional("scale");
    const auto chosen = ctx.words("experts");
    const size_t pairs = size_t(o.shape.tokens) * o.shape.choices, rows_per_x = o.rows_per_x(),
                 experts = o.shape.experts, columns = o.shape.columns, depth = o.shape.depth, start = o.start(),
                 wide = columns + 2 * start;
    const bool scale_input = o.has(kScaleInput),
               eight_bits = o.eight_bits && can_dot<shader::expert_matmul>(ctx.recorder());
    // Of a large result only some elements are compared.
    const size_t rows = o.gated ? 2 * columns : columns, step = pairs * columns * depth > (1u << 26) ? 61 : 1;
    std::vector<reference::EightBits> rounded;
    for (size_t p = 0; p < pairs && eight_bits; ++p)
        rounded.emplace_back(&x[p / rows_per_x * (depth + 2 * start) + start], depth);
    const auto norm = ctx.optional<double>("norm");
    const auto product = [&](size_t p, size_t n) {
        const float* row = reference::expert_row(weight, chosen[p], n, rows, depth);
        const float* own = &x[p / rows_per_x * (depth + 2 * start) + start];
        auto sum = norm.empty()
                       ? eight_bits ? reference::product(rounded[p], row, depth) : reference::product(own, row, depth)
                       : reference::product(reference::norm({own, own + depth}, 0, norm, {}, 1e-5f).data(), row, depth);
        if (!norm.empty()) sum.size *= 2; // the factor comes from a sum of as many squares
        if (scale_input) {
            sum.value *= scale[p];
            sum.size *= scale[p];
            sum.doubt *= scale[p];
        }
        if (!bias.empty()) {
            sum.value += bias[chosen[p] * rows + n];
            sum.size += std::abs(bias[chosen[p] * rows + n]);
        }
        return sum;
    };
    std::vector<float> got;
    std::vector<reference::Expected> expected;
    for (size_t i = 0; i < pairs * columns; i += step) {
        const size_t p = i / columns, n = i % columns;
        got.push_back(y[p * wide + start + n]);
        if (chosen[p] >= experts) { // dropped
            expected.push_back(reference::kUntouched);
            continue;
        }
        auto e = reference::activated(product(p, n), o.gated ? product(p, columns + n) : reference::Product{}, depth,
                                      o.gated, uint32_t(o.activation), o.limit, o.up_offset);
        if (!scale.empty() && !scale_input) {
            e.value *= scale[p];
            e.tolerance = e.tolerance * scale[p] + reference::kEps32 * std::abs(e.value);
        }
        expected.push_back(e);
    }
    verdict.close(got, expected, "y");
    size_t others = 0;
    for (size_t i = 0; i < y.size(); ++i)
        others +=
            !std::isnan(y[i]) && (i % wide < start || i % wide >= start + columns || i / wide == y.size() / wide - 1);
    verdict.none(others, "numbers beside the slice, or below the pairs that there can be, were written");
}

} // namespace weft::detail::kernel::cases::expert_matmul
