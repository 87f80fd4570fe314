// SPDX-License-Identifier: Apache-2.0
// L0: scales and minima for one group of elements, by least squares over several roundings.
#pragma once
#include <span>

namespace weft::detail {

/// x is about scale * q - minimum, q = 0 .. most; neither is negative.
struct ScaleAndMinimum {
    float scale = 0, minimum = 0;
};
ScaleAndMinimum best_scale_and_minimum(std::span<const float> x, unsigned most);

/// x is about scale * q, q = -half_range .. half_range - 1. The scale may be negative.
float best_scale(std::span<const float> x, int half_range);

} // namespace weft::detail
