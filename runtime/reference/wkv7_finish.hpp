// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/wkv7_finish in double precision (Peng et al. 2025, RWKV-7 "Goose", equations 20 and 21): one
// head of one token.
#pragma once
#include "reference/norm.hpp"
#include <algorithm>

namespace weft::reference {
using namespace detail;

struct Finished {
    std::vector<double> value, error; ///< error: for a unit roundoff of 1
};

/// The error of the norm follows from the largest element: where the mean is far from 0, it cancels, and what is left
/// has that element's roundings.
inline Finished wkv7_finish(const std::vector<double>& y, const std::vector<double>& r, const std::vector<double>& k,
                            const std::vector<double>& v, const std::vector<double>& gate,
                            const std::vector<double>& r_k, const std::vector<double>& weight,
                            const std::vector<double>& bias, double eps) {
    double bonus = 0, bonus_size = 0, largest = 0, mean = 0, variance = 0;
    const double count = double(y.size());
    for (size_t i = 0; i < r.size(); ++i) {
        bonus += r[i] * k[i] * r_k[i];
        bonus_size += std::abs(r[i] * k[i] * r_k[i]);
    }
    for (double x : y) {
        largest = std::max(largest, std::abs(x));
        mean += x / count;
    }
    for (double x : y) variance += (x - mean) * (x - mean) / count;
    const double roundings = count / 8 + 24, off = roundings * largest / std::sqrt(variance + eps);
    const auto normed = norm(y, 1, {}, {}, eps);
    Finished f;
    for (size_t i = 0; i < y.size(); ++i) {
        const double part = normed[i] * weight[i], sum = part + bias[i] + bonus * v[i],
                     size = std::abs(part) + std::abs(bias[i]) + std::abs(bonus * v[i]);
        f.value.push_back(sum * gate[i]);
        f.error.push_back(std::abs(gate[i]) * ((1 + std::abs(normed[i])) * off * std::abs(weight[i]) +
                                               (double(r.size()) / 8 + 10) * bonus_size * std::abs(v[i]) + 4 * size));
    }
    return f;
}

} // namespace weft::reference
