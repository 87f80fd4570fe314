// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/series.
#pragma once
#include <cmath>
#include <cstddef>

namespace weft::reference {

/// What a channel is scaled by. `kind`: 0 nothing, 1 mean and deviation, 2 the mean of magnitudes.
struct SeriesMoments {
    double loc = 0, scale = 1;

    SeriesMoments(const float* values, const float* observed, size_t length, int kind, double least, double otherwise) {
        if (kind == 0) return;
        double count = 0, sum = 0, squares = 0;
        for (size_t t = 0; t < length; ++t) {
            const double v = values[t];
            count += observed[t];
            sum += observed[t] * (kind == 1 ? v : std::abs(v));
        }
        const double mean = sum / std::fmax(count, 1);
        for (size_t t = 0; t < length; ++t) squares += observed[t] * (values[t] - mean) * (values[t] - mean);
        if (kind == 1) {
            loc = mean;
            scale = std::sqrt(squares / std::fmax(count, 1) + least);
        } else scale = std::fmax(count > 0 ? mean : otherwise, least);
    }
};

} // namespace weft::reference
