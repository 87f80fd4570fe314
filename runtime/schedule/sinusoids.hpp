// SPDX-License-Identifier: Apache-2.0
// L4: tables of sines and cosines of positions (Vaswani et al. 2017), which a schedule file gives by their name.
#pragma once
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::detail {

/// Whether a weight of this shape may be such a table; a file of a few bytes must not make weft allocate.
inline bool sinusoids_fit(std::span<const uint32_t> shape) {
    return shape.size() == 2 && shape[1] >= 4 && uint64_t(shape[0]) * shape[1] <= uint64_t(1) << 26;
}

/// [rows, width] as fairseq has them: in row p the sines of p times each frequency, then the cosines, then 0 if the
/// width is odd. In single precision, as the reference computes them.
std::vector<float> sinusoids_of(uint32_t rows, uint32_t width);
/// Whether a weight of this shape holds just these.
bool are_sinusoids(std::span<const float> values, std::span<const uint32_t> shape);

} // namespace weft::detail
