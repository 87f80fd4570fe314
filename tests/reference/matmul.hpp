// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/matmul and kernels/expert_matmul in double precision: y = x W^T, and the gated unit of Shazeer, GLU variants improve transformer
// (2020), equation 5, with the limits of gpt-oss.
#pragma once
#include "reference/norm.hpp"
#include <algorithm>
#include <cstddef>

namespace weft::reference {

/// A sum of products, and the sum of their magnitudes.
struct Product { double value = 0, size = 0; };

inline Product product(const float* x, const float* w, size_t depth) {
    Product p;
    for (size_t k = 0; k < depth; ++k) p.value += double(x[k]) * w[k], p.size += std::abs(double(x[k]) * w[k]);
    return p;
}

inline double gated(uint32_t kind, double gate, double up, double limit, double up_offset) {
    if (limit != 0) gate = std::min(gate, limit), up = std::clamp(up, -limit, limit);
    return activation(kind, gate) * (up + up_offset);
}

inline double softcap(double v, double cap) { return cap == 0 ? v : cap * std::tanh(v / cap); }

} // namespace weft::reference
