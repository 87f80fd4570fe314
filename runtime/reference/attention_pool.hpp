// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/attention_pool in double precision (Lee et al. 2019, Set Transformer, section 3.2).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace weft::reference {
using namespace detail;

struct AttentionPooled {
    std::vector<double> value;    ///< of a head's channels
    std::vector<double> mean_abs; ///< the same of |v|
    double largest_score = 0;     ///< the largest sum of |q k|, times the scale
};

/// One head of `count` rows, whose keys and values are `size` numbers each, `stride` apart.
inline AttentionPooled attention_pool(const float* q, const float* k, const float* v, size_t count, size_t size,
                                      size_t stride, double scale) {
    AttentionPooled o{std::vector<double>(size), std::vector<double>(size)};
    std::vector<double> p(count);
    double top = -INFINITY, total = 0;
    for (size_t t = 0; t < count; ++t) {
        double sizes = 0;
        for (size_t c = 0; c < size; ++c) {
            const double product = scale * q[c] * k[t * stride + c];
            p[t] += product;
            sizes += std::abs(product);
        }
        top = std::max(top, p[t]);
        o.largest_score = std::max(o.largest_score, sizes);
    }
    for (double& x : p) total += x = std::exp(x - top);
    for (size_t t = 0; t < count; ++t)
        for (size_t c = 0; c < size; ++c) {
            o.value[c] += p[t] / total * v[t * stride + c];
            o.mean_abs[c] += p[t] / total * std::abs(double(v[t * stride + c]));
        }
    return o;
}

} // namespace weft::reference
