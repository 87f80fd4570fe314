// SPDX-License-Identifier: Apache-2.0
#include "schedule/sinusoids.hpp"

namespace weft::detail {
namespace {

// Of a row: sin(0) and cos(0) tell most other tables apart at once.
float sinusoid(uint32_t row, uint32_t column, uint32_t width) {
    const uint32_t half = width / 2;
    if (column >= 2 * half) return 0;
    const float step = -float(std::log(10000.0) / (half - 1));
    const float angle = float(row) * std::exp(float(column % half) * step);
    return column < half ? std::sin(angle) : std::cos(angle);
}

} // namespace

std::vector<float> sinusoids_of(uint32_t rows, uint32_t width) {
    std::vector<float> values;
    values.reserve(size_t(rows) * width);
    for (uint32_t r = 0; r < rows; ++r)
        for (uint32_t c = 0; c < width; ++c) values.push_back(sinusoid(r, c, width));
    return values;
}

bool are_sinusoids(std::span<const float> values, std::span<const uint32_t> shape) {
    if (!sinusoids_fit(shape) || values.size() != size_t(shape[0]) * shape[1]) return false;
    for (size_t i = 0; i < values.size(); ++i)
        if (values[i] != sinusoid(uint32_t(i / shape[1]), uint32_t(i % shape[1]), shape[1])) return false;
    return true;
}

} // namespace weft::detail
