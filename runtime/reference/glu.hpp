// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/glu in double precision (Shazeer 2020; the clamped form: gpt-oss model card).
#pragma once
#include "reference/norm.hpp"
#include <algorithm>

namespace weft::reference {
using namespace detail;

struct Glu {
    uint32_t activation = 0;
    double a_scale = 1, scale = 1, b_plus = 0, limit = 0;
};

inline double glu(const Glu& g, double a, bool has_b, double b) {
    if (g.limit > 0) {
        a = std::min(a, g.limit);
        b = std::clamp(b, -g.limit, g.limit);
    }
    return g.scale * activation(g.activation, g.a_scale * a) * (has_b ? b + g.b_plus : 1);
}

} // namespace weft::reference
