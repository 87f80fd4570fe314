// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/norm in double precision: RMSNorm (Zhang & Sennrich 2019, equation 4),
// LayerNorm (Ba et al. 2016, equation 4), L2.
#pragma once
#include <cmath>
#include <numbers>
#include <vector>

namespace weft::reference {
using namespace detail;

inline double activation(uint32_t kind, double x) {
    switch (kind) {
    case 1: return x / (1 + std::exp(-x));
    case 2: return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case 3: return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case 4: return x > 0 ? x : 0;
    case 5: return x > 0 ? x * x : 0;
    case 6: return 1 / (1 + std::exp(-x));
    case 7: return x / (1 + std::exp(-1.702 * x));
    case 8: return std::tanh(x);
    case 9: return std::sin(x);
    case 10: return std::exp(x);
    case 11: return x > 0 ? x + 1 : std::exp(x);
    default: return x;
    }
}

/// One group: kind 0 RMS, 1 layer, 2 L2, 3 sum. weight and bias may be empty.
inline std::vector<double> norm(const std::vector<double>& x, int kind, const std::vector<double>& weight,
                                const std::vector<double>& bias, double eps) {
    const double n = double(x.size());
    double mean = 0, squares = 0, sum = 0;
    if (kind == 1)
        for (double v : x) mean += v / n;
    for (double v : x) {
        squares += (v - mean) * (v - mean);
        sum += v;
    }
    const double factor = kind == 3 ? 1 / (sum + eps) : 1 / std::sqrt(kind == 2 ? squares + eps : squares / n + eps);
    std::vector<double> y;
    for (size_t i = 0; i < x.size(); ++i)
        y.push_back((x[i] - mean) * factor * (weight.empty() ? 1 : weight[i]) + (bias.empty() ? 0 : bias[i]));
    return y;
}

} // namespace weft::reference
