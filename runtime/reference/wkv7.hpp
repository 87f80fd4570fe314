// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/wkv7 in double precision: the recurrence of RWKV-7, token by token (Peng et al. 2025, RWKV-7
// "Goose", equation 16).
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

namespace weft::reference {
using namespace detail;

struct Wkv7Output {
    std::vector<double> y, y_error;  ///< [T, V]
    std::vector<double> state_error; ///< [K]: of each row of the state
};

/// One sequence of one head. r, w, k, a and b [T, K], v [T, V]; state [K, V] is read and written. Errors are those for
/// a unit roundoff of 1.
/// The transition diag(d) + b a^T may lengthen some vectors a little, though a product of many does not, so that bounds
/// by lengths would grow without end. Each token's roundings are bounded, in the column with the largest ones, and
/// followed through all later transitions as variances are, [K, K]; what is given is twice the deviation.
inline Wkv7Output wkv7(size_t size, size_t columns, const std::vector<double>& r, const std::vector<double>& w,
                       const std::vector<double>& k, const std::vector<double>& v, const std::vector<double>& a,
                       const std::vector<double>& b, std::vector<double>& state) {
    Wkv7Output out;
    std::vector<double> variance(size * size), row(size), added(size), decay(size);
    const double chain = double(size) + 8; // the longest chain of roundings in a sum over key channels
    for (size_t t = 0; t < v.size() / columns; ++t) {
        const double *rt = &r[t * size], *wt = &w[t * size], *kt = &k[t * size], *at = &a[t * size], *bt = &b[t * size];
        std::fill(added.begin(), added.end(), 0.0);
        double removed_error = 0, rb = 0, rk = 0;
        for (size_t i = 0; i < size; ++i) {
            decay[i] = std::exp(wt[i]);
            rb += std::abs(rt[i] * bt[i]);
            rk += std::abs(rt[i] * kt[i]);
        }
        for (size_t c = 0; c < columns; ++c) {
            const double value = v[t * columns + c];
            double removed = 0, removed_size = 0, y = 0, kept_error = 0;
            for (size_t i = 0; i < size; ++i) {
                removed += at[i] * state[i * columns + c];
                removed_size += std::abs(at[i] * state[i * columns + c]);
            }
            for (size_t i = 0; i < size; ++i) {
                double& s = state[i * columns + c];
                const double kept = decay[i] * s;
                // Vulkan's exp(w) is off by 3 + 2 |w| units in the last place (6 + 4 |w| roundings).
                added[i] = std::max(added[i], (8 - 4 * wt[i]) * std::abs(kept) + 3 * std::abs(kt[i] * value) +
                                                  3 * std::abs(bt[i] * removed));
                s = kept + bt[i] * removed + kt[i] * value;
                y += rt[i] * s;
                kept_error += (chain - 4 * wt[i]) * std::abs(rt[i] * kept);
            }
            removed_error = std::max(removed_error, chain * removed_size);
            out.y.push_back(y);
            out.y_error.push_back(kept_error +
                                  chain * (rb * (std::abs(removed) + removed_size) + rk * std::abs(value)));
        }
        // variance = M variance M^T + what this token adds, with M = diag(decay) + b a^T
        std::fill(row.begin(), row.end(), 0.0);
        for (size_t i = 0; i < size; ++i)
            for (size_t j = 0; j < size; ++j) row[j] += at[i] * variance[i * size + j];
        double of_y = 0;
        for (size_t i = 0; i < size; ++i) {
            double product = 0;
            for (size_t j = 0; j < size; ++j) {
                double& x = variance[i * size + j];
                x = decay[i] * x + bt[i] * row[j];
                product += x * at[j];
            }
            for (size_t j = 0; j < size; ++j) {
                double& x = variance[i * size + j];
                x = x * decay[j] + product * bt[j] + bt[i] * bt[j] * removed_error * removed_error +
                    (i == j ? added[i] * added[i] : 0);
                of_y += rt[i] * x * rt[j];
            }
        }
        for (size_t c = 0; c < columns; ++c) out.y_error[t * columns + c] += 2 * std::sqrt(std::max(0.0, of_y));
    }
    for (size_t i = 0; i < size; ++i) out.state_error.push_back(2 * std::sqrt(std::max(0.0, variance[i * size + i])));
    return out;
}

} // namespace weft::reference
