// SPDX-License-Identifier: Apache-2.0
#include "cases/matmul.hpp"
#include "kernels/matmul.hpp"
#include "kernels/products.hpp"
#include "matmul.gen.hpp"
#include "reference/comparison.hpp"
#include "reference/matmul.hpp"
#include "reference/product_tolerance.hpp"

namespace weft::detail::kernel::cases::matmul {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto &x = ctx.data("x"), &weight = ctx.data("weight"), &y = ctx.data("y");
    const auto bias = ctx.optional("bias"), residual = ctx.optional("residual");
    const size_t tokens = o.shape.tokens, columns = o.shape.columns, depth = o.shape.depth, start = o.start(),
                 w_start = o.weight_start(), wide = columns + 2 * start, w_wide = depth + 2 * w_start;
    const bool eight_bits = o.eight_bits && can_dot<shader::matmul>(ctx.recorder());
    std::vector<reference::EightBits> rounded;
    for (size_t t = 0; t < tokens && eight_bits; ++t) rounded.emplace_back(&x[t * (depth + 2 * start) + start], depth);
    std::vector<std::vector<double>> normed;
    for (size_t t = 0; t < tokens && o.has(kNorm); ++t) {
        const auto row = x.begin() + long(t * (depth + 2 * start) + start);
        const auto norm = ctx.optional<double>("norm");
        normed.push_back(reference::norm({row, row + long(depth)}, 0,
                                         {norm.begin() + long(start), norm.begin() + long(start + depth)}, {}, 1e-5f));
    }
    const auto at = [&](size_t t, size_t n) {
        const float* w = &weight[n * w_wide + w_start];
        auto p = !normed.empty() ? reference::product(normed[t].data(), w, depth)
                 : eight_bits    ? reference::product(rounded[t], w, depth)
                                 : reference::product(&x[t * (depth + 2 * start) + start], w, depth);
        if (!normed.empty()) p.size *= 2; // the factor comes from a sum of as many squares
        if (!bias.empty()) {
            p.value += bias[n];
            p.size += std::abs(bias[n]);
        }
        return p;
    };
    // Of a large result only some elements are compared; the step is prime.
    const size_t step = tokens * columns * depth > (1u << 26) ? 61 : 1;
    std::vector<float> got;
    std::vector<reference::Expected> expected;
    for (size_t i = 0; i < tokens * columns; i += step) {
        const size_t t = i / columns, n = i % columns;
        const auto e = reference::activated(at(t, n), o.gated ? at(t, columns + n) : reference::Product{}, depth,
                                            o.gated, uint32_t(o.activation), o.limit, o.up_offset);
        const double base = residual.empty() ? 0 : residual[t * wide + start + n], v = base + o.scale * e.value;
        double tolerance =
            o.scale * e.tolerance + reference::kEps32 * 2 * (std::abs(base) + o.scale * std::abs(e.value));
        // softcap * tanh: the difference of two numbers near 1 and an exp of at most 20, off by 2 (3 + 2 * 20)
        // units of the cap at most.
        if (o.softcap != 0) tolerance += reference::kEps32 * 86 * o.softcap;
        got.push_back(y[t * wide + start + n]);
        expected.push_back({reference::softcap(v, o.softcap), tolerance});
    }
    verdict.close(got, expected, "y");
    if (o.has(kInPlace)) return; // in place: y was not empty
    size_t others = 0;
    for (size_t t = 0; t <= tokens; ++t)
        for (size_t n = 0; n < wide; ++n)
            if (n < start || n >= start + columns) others += !std::isnan(y[t * wide + n]);
    for (size_t i = y.size() - wide; i < y.size(); ++i) others += !std::isnan(y[i]);
    verdict.none(others, "numbers beside the slice or below the bucket were written");
}

} // namespace weft::detail::kernel::cases::matmul
