// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/score in double precision.
#pragma once
#include <algorithm>
#include <cmath>
#include <span>

namespace weft::reference {
using namespace detail;

struct Score {
    double nats = 0;
    double top = 0;      ///< the largest logit
    double distance = 0; ///< of the logits from it, in the mean over their probabilities
};

inline Score score(std::span<const float> x, uint32_t id) {
    Score s;
    s.top = -INFINITY;
    for (const float v : x) s.top = std::max(s.top, std::isnan(v) ? double(INFINITY) : double(v));
    if (!std::isfinite(s.top)) return {NAN, s.top, 0};
    double sum = 0;
    for (const float v : x)
        if (v != -INFINITY) {
            sum += std::exp(v - s.top);
            s.distance += std::exp(v - s.top) * (s.top - v);
        }
    s.distance /= sum;
    s.nats = s.top + std::log(sum) - x[id];
    return s;
}

} // namespace weft::reference
