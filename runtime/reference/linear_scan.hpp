// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/linear_scan in double precision: linear attention with decay, token by token (Yang et al. 2024,
// Gated linear attention, equation 3; the bonus: Peng et al. 2024, Eagle and Finch, section 4).
#pragma once
#include <cmath>
#include <vector>

namespace weft::reference {
using namespace detail;

/// The state [K, V] of one head, how far off its values are if every rounding on the way goes the wrong way (for a
/// unit roundoff of 1), and the sum of the magnitudes added up in each.
struct LinearState {
    std::vector<double> value, error, magnitude;
};
struct LinearOutput {
    std::vector<double> value, error; ///< [T, V]
};

/// One sequence of one head. q, k and the logarithms of the decays [T, K], v [T, V]; bonus [K], or empty without;
/// state [K, V] is read and written.
/// The error of a state follows it through the recurrence. Vulkan's exp(g) is off by 3 + 2 |g| units in the last place
/// (6 + 4 |g| roundings), the sum of a chunk's 16 logarithms by 15 of its roundings, a decayed value and the sum by one
/// each; what is added by those of two products. An output also sums K products and a chunk's 16 tokens.
inline LinearOutput linear_scan(size_t size, size_t columns, double scale, const std::vector<double>& q,
                                const std::vector<double>& k, const std::vector<double>& v,
                                const std::vector<double>& g, const std::vector<double>& bonus, LinearState& state) {
    LinearOutput y;
    state.error.assign(size * columns, 0);
    state.magnitude.clear();
    for (double value : state.value) state.magnitude.push_back(std::abs(value));
    for (size_t t = 0; t < v.size() / columns; ++t)
        for (size_t c = 0; c < columns; ++c) {
            double sum = 0, error = 0;
            for (size_t d = 0; d < size; ++d) {
                double &value = state.value[d * columns + c], &off = state.error[d * columns + c],
                       &magnitude = state.magnitude[d * columns + c];
                const double query = scale * q[t * size + d], added = k[t * size + d] * v[t * columns + c],
                             exponent = g[t * size + d], decay = std::exp(exponent);
                if (!bonus.empty()) {
                    const double extra = bonus[d] * added;
                    sum += query * (value + extra);
                    error += std::abs(query) *
                             (off + 2 * std::abs(extra) + (double(size) + 24) * (magnitude + std::abs(extra)));
                }
                value = decay * value + added;
                off = decay * (off + (8 - 20 * exponent) * magnitude) + 2 * std::abs(added);
                magnitude = decay * magnitude + std::abs(added);
                if (bonus.empty()) {
                    sum += query * value;
                    error += std::abs(query) * (off + (double(size) + 24) * magnitude);
                }
            }
            y.value.push_back(sum);
            y.error.push_back(error);
        }
    return y;
}

} // namespace weft::reference
