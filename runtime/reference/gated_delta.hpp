// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/gated_delta in double precision: the recurrence of the gated delta rule (Yang et al. 2024,
// Gated Delta Networks, equation 10), token by token.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

namespace weft::reference {
using namespace detail;

struct GatedDeltaShape {
    size_t key_heads, heads, size, columns; ///< key heads, value heads, dk, dv
    double scale, beta_scale;
    bool decay, l2;
};

/// One sequence of one value head. q and k [T, dk], v [T, dv], b and a [T]; state [dk, dv] is read and written.
/// `y_error` [T, dv] and `state_error` [dv] say how far off each may be for a unit roundoff of 1. The error of a column
/// of the state is followed as a length: the transition I - beta k k^T lengthens nothing if |k| = 1 and beta <= 2,
/// so errors only add up; each token adds those of its products, sums of dk and of a chunk's tokens.
inline std::vector<double> gated_delta(const GatedDeltaShape& s, const std::vector<double>& q,
                                       const std::vector<double>& k, const std::vector<double>& v,
                                       const std::vector<double>& b, const std::vector<double>& a, double bias,
                                       double a_head, std::vector<double>& state, std::vector<double>& y_error,
                                       std::vector<double>& state_error) {
    std::vector<double> y, key(s.size), query(s.size);
    const double roundings = double(s.size) + 64;
    state_error.assign(s.columns, 0);
    for (size_t t = 0; t < b.size(); ++t) {
        double k_squares = 0, q_squares = 0;
        for (size_t i = 0; i < s.size; ++i) {
            k_squares += k[t * s.size + i] * k[t * s.size + i];
            q_squares += q[t * s.size + i] * q[t * s.size + i];
        }
        const double k_factor = s.l2 ? 1 / std::sqrt(k_squares + 1e-6) : 1,
                     q_factor = s.scale * (s.l2 ? 1 / std::sqrt(q_squares + 1e-6) : 1);
        for (size_t i = 0; i < s.size; ++i) {
            key[i] = k[t * s.size + i] * k_factor;
            query[i] = q[t * s.size + i] * q_factor;
        }
        const double k_length = std::sqrt(k_squares) * k_factor, q_length = std::sqrt(q_squares) * q_factor;
        const double raw = s.decay ? a[t] + bias : 0,
                     g = s.decay ? a_head * (raw > 30 ? raw : std::log1p(std::exp(raw))) : 0, decay = std::exp(g);
        const double beta = s.beta_scale / (1 + std::exp(-b[t]));
        for (size_t c = 0; c < s.columns; ++c) {
            double old = 0, length = 0;
            for (size_t i = 0; i < s.size; ++i) {
                double& value = state[i * s.columns + c];
                length += value * value;
                value *= decay;
                old += value * key[i];
            }
            length = std::sqrt(length) * decay;
            const double target = v[t * s.columns + c], u = beta * (target - old);
            double out = 0, after = 0;
            for (size_t i = 0; i < s.size; ++i) {
                double& value = state[i * s.columns + c];
                value += key[i] * u;
                after += value * value;
                out += value * query[i];
            }
            double& error = state_error[c];
            error = std::max(1.0, std::abs(1 - beta * k_length * k_length)) * decay * error + (8 - 32 * g) * length +
                    roundings * beta * k_length * (std::abs(target) + k_length * length);
            y.push_back(out);
            y_error.push_back(q_length * (error + roundings * (std::sqrt(after) + length)));
        }
    }
    return y;
}

} // namespace weft::reference
