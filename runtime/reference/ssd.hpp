// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/ssd in double precision: the recurrence of state-space duality (Dao & Gu 2024,
// Transformers are SSMs, equation 1), token by token.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

namespace weft::reference {
using namespace detail;

struct SsdShape {
    size_t heads, groups, columns, size; ///< heads, groups, P, N
    double dt_min, dt_max;
};

/// A value, and how far off it is if every rounding on the way goes the wrong way (for a unit roundoff of 1).
struct Bounded {
    double value = 0, error = 0;
};

/// One sequence of one head. x [T, P], b and c [T, N], dt [T] before bias and softplus;
/// state [P, N] is read and written.
/// The error of a state follows it through the recurrence: an exponential is off by its own rounding and by that of its
/// argument, and each token adds a rounded product.
inline std::vector<Bounded> ssd(const SsdShape& s, const std::vector<double>& x, const std::vector<double>& b,
                                const std::vector<double>& c, const std::vector<double>& dt, double bias, double a,
                                double d, std::vector<Bounded>& state) {
    std::vector<Bounded> y;
    std::vector<double> size(state.size()); // the sum of the magnitudes added up in a state
    for (size_t i = 0; i < state.size(); ++i) size[i] = std::abs(state[i].value);
    for (size_t t = 0; t < dt.size(); ++t) {
        const double raw = dt[t] + bias;
        const double step = std::min(std::max(raw > 30 ? raw : std::log1p(std::exp(raw)), s.dt_min), s.dt_max),
                     exponent = step * a, decay = std::exp(exponent);
        for (size_t p = 0; p < s.columns; ++p) {
            const double input = step * x[t * s.columns + p];
            Bounded sum{d * x[t * s.columns + p], 4 * std::abs(d * x[t * s.columns + p])};
            for (size_t n = 0; n < s.size; ++n) {
                Bounded& value = state[p * s.size + n];
                double& magnitude = size[p * s.size + n];
                const double added = input * b[t * s.size + n], out = c[t * s.size + n];
                value.error = decay * (value.error + (8 - 32 * exponent) * magnitude) + 24 * std::abs(added);
                value.value = decay * value.value + added;
                magnitude = decay * magnitude + std::abs(added);
                sum.value += value.value * out;
                sum.error += std::abs(out) * (value.error + (double(s.size) + 40) * magnitude);
            }
            y.push_back(sum);
        }
    }
    return y;
}

} // namespace weft::reference
