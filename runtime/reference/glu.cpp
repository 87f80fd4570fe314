// SPDX-License-Identifier: Apache-2.0
#include "cases/glu.hpp"
#include "kernels/glu.hpp"
#include "reference/comparison.hpp"
#include "reference/glu.hpp"

namespace weft::detail::kernel::cases::glu {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const reference::Glu g{uint32_t(o.args.activation), o.args.a_scale, o.args.scale, o.args.b_plus, o.args.limit};
    const bool interleaved = o.args.interleaved, has_b = o.has_b || interleaved, fused = o.fused, in_place = o.in_place;
    const size_t columns = o.shape.columns, rows = size_t(o.shape.tokens) * o.per_token, wide = o.wide();
    const auto &a = ctx.data("a before"), &y = in_place ? ctx.data("a") : ctx.data("y");
    std::vector<float> got;
    std::vector<reference::Expected> expected;
    for (size_t row = 0; row < rows; ++row)
        for (size_t c = 0; c < columns; ++c) {
            const double av = interleaved ? a[row * wide + 2 * c] : a[row * wide + c + (fused ? 3 : 0)];
            const double bv = !has_b        ? 0
                              : interleaved ? a[row * wide + 2 * c + 1]
                              : fused       ? a[row * wide + 3 + columns + c]
                                            : ctx.data("b")[row * columns + c];
            const double value = reference::glu(g, av, has_b, bv);
            got.push_back(in_place ? y[row * wide + c + (fused ? 3 : 0)] : y[row * columns + c]);
            // Vulkan allows exp(x) an error of 3 + 2 |x| ulp, a quotient 2.5; the largest argument of an
            // exponential that matters is that of a sigmoid, |x| < 90 before it underflows (gelu: x^2 / 2 of it).
            // erfc is off by 1.2e-7, 2 units. gelu_tanh cancels in 1 + tanh, tanh in 1 - exp, sine in its period:
            // errors there are relative to |x| and to 1. b + b_plus may cancel: its error is one of its parts.
            const double x = g.a_scale * (g.limit > 0 ? std::min(av, g.limit) : av),
                         factor = g.scale * (has_b ? std::abs(bv) + std::abs(g.b_plus) : 1);
            const double act = g.activation == 3 ? std::abs(x)
                               : g.activation == 8 || g.activation == 9
                                   ? 1
                                   : std::abs(reference::activation(g.activation, x)),
                         argument = std::min(std::abs(x), 90.0);
            const double exponential =
                2 * (3 + 2 * (g.activation == 2 || g.activation == 3 ? std::min(x * x, 90.0) : 2 * argument));
            // Values that underflow: the smallest normal number times what follows.
            expected.push_back(
                {value, reference::kEps32 * ((8 + exponential) * act * std::abs(factor) + 2 * std::abs(value)) +
                            1.2e-38 * (std::abs(x) + 1) * (std::abs(factor) + 1)});
        }
    verdict.close(got, expected, "y");
}

} // namespace weft::detail::kernel::cases::glu
