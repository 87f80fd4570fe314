// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/pool in double precision (Reimers & Gurevych 2019, Sentence-BERT, section 3).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>

namespace weft::reference {
using namespace detail;

struct Pooled {
    double value = 0;
    double mean_abs = 0; ///< what the error bound of a mean needs
};

/// One channel of `count` rows, which lie `stride` numbers apart.
inline Pooled pool(const float* x, size_t count, size_t stride, bool max) {
    Pooled p;
    for (size_t t = 0; t < count; ++t) {
        const double v = x[t * stride];
        p.value = !max ? p.value + v / double(count) : t == 0 ? v : std::max(p.value, v);
        p.mean_abs += std::abs(v) / double(count);
    }
    return p;
}

} // namespace weft::reference
