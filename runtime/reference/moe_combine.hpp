// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/moe_combine in double precision (Shazeer et al. 2017, equation 1;
// DeepSeekMoE 2024, equation 9): one element.
#pragma once
#include <cmath>
#include <vector>

namespace weft::reference {
using namespace detail;

struct MoeSum {
    double value = 0, size = 0;
}; ///< size: the sum of the magnitudes

/// `weights` and `out`: of the k pairs of a token. shared_factor: shared_scale, times sigmoid(gate) if there is a gate.
inline MoeSum moe_combine(const std::vector<double>& weights, const std::vector<double>& out, double scale,
                          double shared, double shared_factor, double residual) {
    MoeSum sum;
    const auto add = [&](double term) {
        sum.value += term;
        sum.size += std::abs(term);
    };
    for (size_t j = 0; j < out.size(); ++j)
        if (weights[j] != 0) add(scale * weights[j] * out[j]);
    add(shared * shared_factor);
    add(residual);
    return sum;
}

} // namespace weft::reference
