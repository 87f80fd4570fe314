// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/causal_conv in double precision: the definition of a causal depthwise
// convolution, one output at a time.
#pragma once
#include <cmath>
#include <cstdint>
#include <functional>

namespace weft::reference {
using namespace detail;

struct ConvValue {
    double value = 0;
    double size = 0; ///< sum of the magnitudes that were added
};

/// `input(i)` is the sequence's input i, where negative numbers reach into the past:
/// -1 is the last input before the first new one.
inline ConvValue causal_conv(int64_t t, const float* weight, int64_t taps, double bias,
                             const std::function<double(int64_t)>& input) {
    ConvValue v{bias, std::abs(bias)};
    for (int64_t k = 0; k < taps; ++k) {
        const double product = double(weight[k]) * input(t - taps + 1 + k);
        v.value += product;
        v.size += std::abs(product);
    }
    return v;
}

} // namespace weft::reference
