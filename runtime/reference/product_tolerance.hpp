// SPDX-License-Identifier: Apache-2.0
// How far off an activated product of a correct kernel may be: of matmul and expert_matmul.
#pragma once
#include "reference/comparison.hpp"
#include "reference/matmul.hpp"

namespace weft::reference {
using namespace detail;

/// A sum of `depth` products in any order and its bias. Roundings are taken as independent:
/// Higham and Mary, A new approach to probabilistic rounding error analysis (2019), theorem 2.4 with lambda = 6,
/// instead of the worst case, depth roundings.
inline double product_tolerance(const Product& p, size_t depth) {
    return kEps32 * (6 * std::sqrt(double(depth)) + 8) * p.size + p.doubt;
}

/// The activation of `gate`, times up if gated, with the tolerances of both carried through.
inline Expected activated(const Product& gate, const Product& up, size_t depth, bool gated, uint32_t kind, double limit,
                          double up_offset) {
    const double g = limit != 0 ? std::min(gate.value, limit) : gate.value, size = std::abs(g),
                 error = product_tolerance(gate, depth), act = activation(kind, g);
    const bool exact = kind == 0 || kind == 4 || kind == 5, gelu = kind == 2 || kind == 3;
    const double slope = kind == 5 ? 2 * size + error : 1.13; // the steepest of the others is that of GELU
    // exp(v) is off by 3 + 2 |v| units; |v| is at most about 2 |g|, and g^2 in both forms of GELU;
    // some roundings around it.
    double tolerance = slope * error + kEps32 * (exact ? 2 : 16 + 4 * size + (gelu ? 2 * size * size : 0)) *
                                           std::max(exact ? std::abs(act) : size, exact ? 0.0 : 0.25);
    if (!gated) return {act, tolerance};
    const double value = reference::gated(kind, gate.value, up.value, limit, up_offset),
                 u = (limit != 0 ? std::clamp(up.value, -limit, limit) : up.value) + up_offset;
    const double up_error = product_tolerance(up, depth) + kEps32 * std::abs(u);
    return {value, tolerance * (std::abs(u) + up_error) + std::abs(act) * up_error + kEps32 * std::abs(value)};
}

} // namespace weft::reference
