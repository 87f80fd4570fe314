// SPDX-License-Identifier: Apache-2.0
#include "base/quantize_search.hpp"
#include "base/check.hpp"
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace weft::detail {
namespace {

constexpr int kTries = 24; // on either side of the scale that just spans all elements

// Large weights matter more: what they multiply is not known, but their errors are not smaller.
double mean_square(std::span<const float> x) {
    double sum = 0;
    for (const float v : x) sum += double(v) * v;
    return sum / double(x.size());
}

// The number of `low` .. `high` that is nearest. std::round is a call of a library function
// for each of the millions of tries.
double nearest(double v, int low, int high) {
    return double(int(std::clamp(v, double(low), double(high)) - low + 0.5) + low);
}

// How much each element matters, as the scale is fitted.
constexpr size_t kMostElements = 32;
std::array<double, kMostElements> weights_of(std::span<const float> x) {
    weft_CHECK(x.size() <= kMostElements, "a group has at most 32 elements");
    std::array<double, kMostElements> weights;
    const double base = std::sqrt(mean_square(x));
    for (size_t i = 0; i < x.size(); ++i) weights[i] = base + std::abs(x[i]);
    return weights;
}

} // namespace

ScaleAndMinimum best_scale_and_minimum(std::span<const float> x, unsigned most) {
    const auto [low, high] = std::ranges::minmax(x);
    const float bottom = std::min(low, 0.0f); // a minimum above 0 has no place
    ScaleAndMinimum best{0, -bottom};
    if (!(high > bottom)) return best;
    const auto weights = weights_of(x);
    double least = std::numeric_limits<double>::infinity();
    for (int t = -kTries; t <= kTries; ++t) {
        const double steps = most + 0.05 * t, inverse = steps / (double(high) - bottom);
        // With the roundings fixed, scale and minimum are a weighted line fit of x over q.
        double w = 0, wq = 0, wqq = 0, wx = 0, wqx = 0;
        for (size_t i = 0; i < x.size(); ++i) {
            const double v = x[i], weight = weights[i], q = nearest((v - bottom) * inverse, 0, int(most));
            w += weight;
            wq += weight * q;
            wqq += weight * q * q;
            wx += weight * v;
            wqx += weight * q * v;
        }
        const double det = w * wqq - wq * wq;
        double scale = det > 0 ? (w * wqx - wq * wx) / det : 1 / inverse,
               offset = det > 0 ? (wqq * wx - wq * wqx) / det : bottom;
        if (offset > 0) {
            offset = 0;
            scale = wqq > 0 ? wqx / wqq : 0;
        }
        if (!(scale > 0)) continue;
        double error = 0;
        for (size_t i = 0; i < x.size(); ++i) {
            const double v = x[i], difference = scale * nearest((v - offset) * (1 / scale), 0, int(most)) + offset - v;
            error += weights[i] * difference * difference;
        }
        if (error < least) {
            least = error;
            best = {float(scale), float(-offset)};
        }
    }
    return best;
}

float best_scale(std::span<const float> x, int half_range) {
    float extreme = 0;
    for (const float v : x)
        if (std::abs(v) > std::abs(extreme)) extreme = v;
    if (extreme == 0) return 0;
    const auto weights = weights_of(x);
    double least = std::numeric_limits<double>::infinity(), best = double(extreme) / -half_range;
    for (int t = -kTries; t <= kTries; ++t) {
        const double inverse = -(half_range + 0.05 * t) / extreme;
        double qx = 0, qq = 0;
        const auto number = [&](double v, double by) { return nearest(v * by, -half_range, half_range - 1); };
        for (size_t i = 0; i < x.size(); ++i) {
            const double v = x[i], q = number(v, inverse);
            qx += weights[i] * q * v;
            qq += weights[i] * q * q;
        }
        if (!(qq > 0) || qx == 0) continue;
        const double scale = qx / qq;
        double error = 0;
        for (size_t i = 0; i < x.size(); ++i) {
            const double difference = scale * number(x[i], 1 / scale) - x[i];
            error += weights[i] * difference * difference;
        }
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    return float(best);
}

} // namespace weft::detail
