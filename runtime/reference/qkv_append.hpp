// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/qkv_append in double precision: RMS norm of a head (Zhang & Sennrich 2019, equation 4) and
// rotary embedding (Su et al. 2021, equation 34), with the dynamic NTK base of Hugging Face's modeling_rope_utils
// (base * s^(d / (d - 2)), so frequency i times s^(-2i / (d - 2))).
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

namespace weft::reference {
using namespace detail;

inline std::vector<double> rms_head(std::vector<double> x, const std::vector<double>& weight, double eps) {
    double squares = 0;
    for (double v : x) squares += v * v / double(x.size());
    for (size_t i = 0; i < x.size(); ++i) x[i] *= (weight.empty() ? 1 : weight[i]) / std::sqrt(squares + eps);
    return x;
}

/// `angle(i)` is position * frequency of pair i; the first `dims` channels turn. `magnitude` gets the length of each
/// channel's pair: what rounding errors scale with.
template <class Angle>
std::vector<double> rotary(const std::vector<double>& x, size_t dims, bool interleaved, double factor, Angle&& angle,
                           std::vector<double>& magnitude) {
    std::vector<double> y = x;
    magnitude.clear();
    for (double v : x) magnitude.push_back(std::abs(v));
    for (size_t i = 0; i < dims / 2; ++i) {
        const size_t a = interleaved ? 2 * i : i, b = interleaved ? 2 * i + 1 : i + dims / 2;
        const double c = std::cos(angle(i)) * factor, s = std::sin(angle(i)) * factor;
        y[a] = x[a] * c - x[b] * s;
        y[b] = x[b] * c + x[a] * s;
        magnitude[a] = magnitude[b] = std::hypot(x[a], x[b]) * std::abs(factor);
    }
    return y;
}

inline double ntk_stretch(double ntk, double length, double original, double i, double dims) {
    if (length <= original || dims <= 2) return 1;
    return std::pow(ntk * length / original - (ntk - 1), -2 * i / (dims - 2));
}

} // namespace weft::reference
