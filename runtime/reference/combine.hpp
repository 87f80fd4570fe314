// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/combine in double precision: one element.
#pragma once
#include <cmath>

namespace weft::reference {
using namespace detail;

/// The three products of one element: alpha * x * multiplier, beta * z * gate_factor(gate),
/// gamma * w; what is absent is 0.
struct CombineTerms {
    double x = 0, z = 0, w = 0;
};

inline double gate_factor(double gate) { return 1 / (1 + std::exp(-gate)); }

inline double combine(const CombineTerms& t) { return t.x + t.z + t.w; }

} // namespace weft::reference
