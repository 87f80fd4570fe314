// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/wkv7_prepare in double precision (Peng et al. 2025, RWKV-7 "Goose", equations 8 to 14): one head
// of one token.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

namespace weft::reference {
using namespace detail;

struct Prepared {
    std::vector<double> a, b, k;
};

inline Prepared wkv7_prepare(const std::vector<double>& k, const std::vector<double>& rate,
                             const std::vector<double>& k_k, const std::vector<double>& k_a) {
    Prepared p;
    double squares = 0;
    for (size_t i = 0; i < k.size(); ++i) squares += k[i] * k_k[i] * k[i] * k_k[i];
    const double length = std::max(std::sqrt(squares), 1e-12);
    for (size_t i = 0; i < k.size(); ++i) {
        p.a.push_back(-k[i] * k_k[i] / length);
        p.b.push_back(-p.a[i] * rate[i]);
        p.k.push_back(k[i] * (1 + (rate[i] - 1) * k_a[i]));
    }
    return p;
}

inline double drawn_value(double v, double first, double gate) { return v + gate * (first - v); }

} // namespace weft::reference
