// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/random_fill: the generator of Salmon et al. 2011, four numbers a counter.
#pragma once
#include "reference/sample.hpp"

namespace weft::reference {
using namespace detail;

/// The i-th number of a stream; a dispatch of the kernel makes 2^24 of them. Exact up to the rounding of one product.
inline double random_weight(uint64_t i, double deviation, bool negative, uint32_t seed_low, uint32_t seed_high,
                            uint32_t stream) {
    const uint64_t quad = i / 4;
    const uint32_t bits =
        philox({uint32_t(quad % (1u << 22)), uint32_t(quad >> 22), stream, 0}, {seed_low, seed_high})[i % 4];
    const double v = deviation * ((bits >> 8) - double(1 << 23)) / (1 << 23);
    return negative ? -std::abs(v) : v;
}

} // namespace weft::reference
