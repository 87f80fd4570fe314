// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/token_shift in double precision (Peng et al. 2023, RWKV, section 3.1): one element.
#pragma once
#include <cmath>

namespace weft::reference {
using namespace detail;

struct Shifted {
    double value, size; ///< size: the sum of the magnitudes that were added up
};

inline Shifted token_shift(double now, double before, double mix) {
    return {now + mix * (before - now), std::abs(now) + std::abs(mix) * (std::abs(before) + std::abs(now))};
}

} // namespace weft::reference
