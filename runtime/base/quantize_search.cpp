// SPDX-License-Identifier: Apache-2.0
#include "base/quantize_search.hpp"
#include <algorithm>
#include <cmath>
#include <limits>

namespace weft {
namespace {

constexpr int kTries = 24; // on either side of the scale that just spans all elements

// Large weights matter more: what they multiply is not known, but their errors are not smaller.
double mean_square(std::span<const float> x) {
    double sum = 0;
    for (const float v : x) sum += double(v) * v;
    return sum / double(x.size());
}

} // namespace

ScaleAndMinimum best_scale_and_minimum(std::span<const float> x, unsigned most) {
    const auto [low, high] = std::ranges::minmax(x);
    const float bottom = std::min(low, 0.0f); // a minimum above 0 has no place
    ScaleAndMinimum best{0, -bottom};
    if (!(high > bottom)) return best;
    const double base = std::sqrt(mean_square(x));
    double least = std::numeric_limits<double>::infinity();
    for (int t = -kTries; t <= kTries; ++t) {
        const double steps = most + 0.05 * t, inverse = steps / (double(high) - bottom);
        // With the roundings fixed, scale and minimum are a weighted line fit of x over q.
        double w = 0, wq = 0, wqq = 0, wx = 0, wqx = 0;
        const auto number = [&](float v) { return std::clamp(std::round((double(v) - bottom) * inverse), 0.0, double(most)); };
        for (const float v : x) {
            const double weight = base + std::abs(v), q = number(v);
            w += weight, wq += weight * q, wqq += weight * q * q, wx += weight * v, wqx += weight * q * v;
        }
        const double det = w * wqq - wq * wq;
        double scale = det > 0 ? (w * wqx - wq * wx) / det : 1 / inverse, offset = det > 0 ? (wqq * wx - wq * wqx) / det : bottom;
        if (offset > 0) offset = 0, scale = wqq > 0 ? wqx / wqq : 0;
        if (!(scale > 0)) continue;
        double error = 0;
        for (const float v : x) {
            const double q = std::clamp(std::round((v - offset) / scale), 0.0, double(most)), difference = scale * q + offset - v;
            error += (base + std::abs(v)) * difference * difference;
        }
        if (error < least) least = error, best = {float(scale), float(-offset)};
    }
    return best;
}

float best_scale(std::span<const float> x, int half_range) {
    float extreme = 0;
    for (const float v : x)
        if (std::abs(v) > std::abs(extreme)) extreme = v;
    if (extreme == 0) return 0;
    const double base = std::sqrt(mean_square(x));
    double least = std::numeric_limits<double>::infinity(), best = double(extreme) / -half_range;
    for (int t = -kTries; t <= kTries; ++t) {
        const double inverse = -(half_range + 0.05 * t) / extreme;
        double qx = 0, qq = 0;
        const auto number = [&](float v, double by) { return std::clamp(std::round(v * by), double(-half_range), double(half_range - 1)); };
        for (const float v : x) {
            const double weight = base + std::abs(v), q = number(v, inverse);
            qx += weight * q * v, qq += weight * q * q;
        }
        if (!(qq > 0) || qx == 0) continue;
        const double scale = qx / qq;
        double error = 0;
        for (const float v : x) {
            const double difference = scale * number(v, 1 / scale) - v;
            error += (base + std::abs(v)) * difference * difference;
        }
        if (error < least) least = error, best = scale;
    }
    return float(best);
}

} // namespace weft
