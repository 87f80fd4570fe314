// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/sequence_norm in double precision, for one channel of a sequence.
#pragma once
#include "reference/norm.hpp"

namespace weft::reference {
using namespace detail;

inline std::vector<double> sequence_norm(const std::vector<double>& x, double weight, double bias, double eps) {
    const std::vector<double> w(x.size(), weight), b(x.size(), bias);
    return norm(x, 1, w, b, eps);
}

} // namespace weft::reference
