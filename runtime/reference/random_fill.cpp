// SPDX-License-Identifier: Apache-2.0
#include "cases/random_fill.hpp"
#include "base/half.hpp"
#include "kernels/random_fill.hpp"
#include "reference/comparison.hpp"
#include "reference/random_fill.hpp"

namespace weft::detail::kernel::cases::random_fill {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto words = ctx.words("y");
    const bool whole = o.type == DType::f32;
    size_t wrong = 0;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < words.size() * (whole ? 1 : 2); ++i) {
        const float expected = float(
            reference::random_weight(i, o.deviation, o.negative, uint32_t(o.seed), uint32_t(o.seed >> 32), o.stream));
        const uint16_t half = uint16_t(words[i / 2] >> (i % 2 * 16));
        // One product, rounded to nearest: every device has the same bits.
        if (whole) wrong += words[i] != std::bit_cast<uint32_t>(expected);
        else wrong += half != (o.type == DType::f16 ? float_to_half(expected) : float_to_bf16(expected));
        const double share = double(expected) / o.deviation;
        sum += share;
        squares += share * share;
    }
    verdict.none(wrong, "numbers have other bits");
    const double n = double(words.size() * (whole ? 1 : 2));
    if (n > 1e5) { // even over (-1, 1): mean 0 and mean square 1/3, each within five of its standard errors
        verdict.that(std::abs(sum / n) < 5 / std::sqrt(3 * n), "the mean of all is too far from 0");
        verdict.that(std::abs(squares / n - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / n),
                     "the mean square of all is too far from a third");
    }
}

} // namespace weft::detail::kernel::cases::random_fill
