// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/forget_gate in double precision (GLA: Yang et al. 2023, section 4.4; HGRN2: Qin et al. 2024,
// equation 2): one element.
#pragma once
#include <algorithm>
#include <cmath>

namespace weft::reference {
using namespace detail;

struct Forgotten {
    double g, k;
};

inline Forgotten forget_gate(double z, double bound, double scale, double least) {
    const double forgotten = (1 - bound) / (1 + std::exp(z));
    // Of f near 0 its logarithm, of f near 1 that of 1 - (1 - f).
    const double kept =
        forgotten > 0.5 ? (bound > 0 ? std::log(bound + (1 - bound) / (1 + std::exp(-z))) : z - std::log1p(std::exp(z)))
                        : std::log1p(-forgotten);
    return {std::max(scale * kept, least), forgotten};
}

} // namespace weft::reference
