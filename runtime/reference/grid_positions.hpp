// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/grid_positions.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::reference {
using namespace detail;

struct GridPositions {
    int64_t side, columns;
    bool cubic, corners;

    /// The places along an axis of the table that patch `p` of `count` is made of, and the weight of each.
    std::vector<std::pair<int64_t, double>> taps(int64_t p, int64_t count) const {
        const double at = corners ? double(p * (side - 1)) / double(std::max<int64_t>(count - 1, 1))
                                  : (double(p) + 0.5) * double(side) / double(count) - 0.5;
        const auto first = int64_t(std::floor(at));
        std::vector<std::pair<int64_t, double>> all;
        for (int64_t i = cubic ? -1 : 0; i <= (cubic ? 2 : 1); ++i) {
            const double d = std::abs(at - double(first + i)), a = -0.75;
            const double near = ((a + 2) * d - (a + 3)) * d * d + 1, far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
            all.emplace_back(std::clamp<int64_t>(first + i, 0, side - 1), !cubic   ? std::max(1 - d, 0.0)
                                                                          : d <= 1 ? near
                                                                                   : far);
        }
        return all;
    }
    /// The position of the patch at (h, w) of a picture of down x across patches in channel c; `sizes` becomes the sum
    /// of the sizes of what is added.
    double at(const float* table, int64_t down, int64_t across, int64_t h, int64_t w, int64_t c, double& sizes) const {
        double sum = 0;
        sizes = 0;
        for (const auto& [row, u] : taps(h, down))
            for (const auto& [column, v] : taps(w, across)) {
                sum += u * v * table[(row * side + column) * columns + c];
                sizes += std::abs(u * v * table[(row * side + column) * columns + c]);
            }
        return sum;
    }
};

} // namespace weft::reference
