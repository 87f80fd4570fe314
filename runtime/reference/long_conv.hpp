// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/long_conv in double precision: term by term.
#pragma once
#include "reference/matmul.hpp"
#include <algorithm>
#include <cstdint>

namespace weft::reference {
using namespace detail;

/// The sum in row t of a sequence, before what it is multiplied with; `tap(l)` is the channel's filter, `value(row)`
/// what it convolves.
template <class Tap, class Value>
Product long_conv(size_t t, size_t taps, double skip, const Tap& tap, const Value& value) {
    Product sum{skip * value(t), std::abs(skip * value(t))};
    for (size_t l = 0; l < std::min(t + 1, taps); ++l) {
        const double product = double(tap(l)) * value(t - l);
        sum.value += product;
        sum.size += std::abs(product);
    }
    return sum;
}

} // namespace weft::reference
