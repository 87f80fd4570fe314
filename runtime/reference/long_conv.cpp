// SPDX-License-Identifier: Apache-2.0
#include "cases/long_conv.hpp"
#include "reference/comparison.hpp"
#include "reference/long_conv.hpp"
#include "reference/product_tolerance.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::long_conv {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    constexpr size_t kCompared = 6000; // rows of a sequence, spread over it: sums term by term take their square
    const auto &x = ctx.data("x"), &filter = ctx.data("filter"), &y = ctx.data("y");
    const auto before = ctx.optional("before"), after = ctx.optional("after"), skip = ctx.optional("skip");
    std::vector<reference::Expected> expected;
    std::vector<float> got;
    size_t first = 0, all = 0;
    for (const size_t count : o.counts) {
        const size_t each = std::max<size_t>(1, count * o.channels / kCompared / 8);
        for (size_t c = 0; c < o.channels; ++c) {
            const auto at = [&](size_t row) { return (first + row) * o.wide() + o.start() + c; };
            std::vector<double> values(count), taps(std::min<size_t>(o.taps, count));
            double value_squares = 0, tap_squares = 0;
            for (size_t row = 0; row < count; ++row) {
                values[row] = double(x[at(row)]) * (o.gates ? double(before[at(row)]) : 1);
                value_squares += values[row] * values[row];
            }
            for (size_t l = 0; l < taps.size(); ++l) {
                taps[l] = filter[l * o.wide() + o.start() + c];
                tap_squares += taps[l] * taps[l];
            }
            // A transform of n numbers is off by some log2(n) roundings of their root of squares (Higham, Accuracy and
            // Stability of Numerical Algorithms, section 24.1); a convolution is three of them, of at most 4,096, of
            // two channels at a time.
            const double spread = 3 * 12 * 2 * reference::kEps32 * std::sqrt(value_squares * tap_squares);
            for (size_t t = c % each; t < count; t += each) {
                const auto sum = reference::long_conv(
                    t, taps.size(), o.skip ? double(skip[c]) : 0, [&](size_t l) { return taps[l]; },
                    [&](size_t row) { return values[row]; });
                const double factor = o.gates ? double(after[at(t)]) : 1;
                expected.push_back(
                    {sum.value * factor, std::abs(factor) * (spread + reference::product_tolerance(sum, t + 2))});
                got.push_back(y[at(t)]);
            }
        }
        first += count;
        all += count;
    }
    verdict.close(got, expected, "y");
    size_t written = 0, missing = 0; // beside the slice; within it
    for (size_t n = 0; n < y.size(); ++n) {
        const bool own = n / o.wide() < all && n % o.wide() >= o.start() && n % o.wide() < o.start() + o.channels;
        (own ? missing : written) += own == std::isnan(y[n]);
    }
    verdict.none(written, "numbers beside the slice or in rows of nobody were written");
    verdict.none(missing, "numbers were not written");
}

} // namespace weft::detail::kernel::cases::long_conv
