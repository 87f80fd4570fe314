// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/matmul and kernels/expert_matmul in double precision: y = x W^T, and the gated unit of Shazeer,
// GLU variants improve transformer (2020), equation 5, with the limits of gpt-oss.
#pragma once
#include "reference/norm.hpp"
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace weft::reference {
using namespace detail;

/// A sum of products, the sum of their magnitudes, and how far off it may be beyond rounding.
struct Product {
    double value = 0, size = 0, doubt = 0;
};

template <class X>
Product product(const X* x, const float* w, size_t depth) {
    Product p;
    for (size_t k = 0; k < depth; ++k) {
        p.value += double(x[k]) * w[k];
        p.size += std::abs(double(x[k]) * w[k]);
    }
    return p;
}

/// A row of x in 8 bits: eight neighbours are multiples of 1/127 of their largest. One that lies
/// between two of them by rounding may be either.
struct EightBits {
    std::vector<float> x, doubt;
    EightBits(const float* row, size_t depth) : x(depth), doubt(depth) {
        for (size_t k = 0; k < depth; ++k) {
            float top = 0;
            for (size_t i = k / 8 * 8; i < std::min(depth, k / 8 * 8 + 8); ++i) top = std::max(top, std::abs(row[i]));
            const double scale = double(top) / 127, n = scale < 1e-37 ? 0 : row[k] / scale, nearest = std::nearbyint(n);
            x[k] = float(nearest * scale);
            // A quotient of a shader is off by 2.5 units, and x[k] is rounded here.
            doubt[k] = float((std::abs(std::abs(n - nearest) - 0.5) < 1e-4 ? scale : 0) + 1e-6 * std::abs(x[k]));
        }
    }
};
inline Product product(const EightBits& x, const float* w, size_t depth) {
    Product p = product(x.x.data(), w, depth);
    for (size_t k = 0; k < depth; ++k) p.doubt += double(x.doubt[k]) * std::abs(w[k]);
    return p;
}

inline double gated(uint32_t kind, double gate, double up, double limit, double up_offset) {
    if (limit != 0) {
        gate = std::min(gate, limit);
        up = std::clamp(up, -limit, limit);
    }
    return activation(kind, gate) * (up + up_offset);
}

inline double softcap(double v, double cap) { return cap == 0 ? v : cap * std::tanh(v / cap); }

} // namespace weft::reference
