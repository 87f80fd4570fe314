// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/depthwise_conv in double precision, before its activation.
#pragma once
#include "reference/matmul.hpp"
#include <cstdint>

namespace weft::reference {
using namespace detail;

struct DepthwiseConv {
    int64_t taps_y, taps_x, pad_y, pad_x;

    /// At (h, w) of a grid height x width. `weight(tap)` is the channel's, `input(row)` its value in a row of the grid.
    template <class Weight, class Input>
    Product at(int64_t h, int64_t w, int64_t height, int64_t width, double bias, const Weight& weight,
               const Input& input) const {
        Product sum{bias, std::abs(bias)};
        for (int64_t i = 0; i < taps_y; ++i)
            for (int64_t j = 0; j < taps_x; ++j) {
                const int64_t y = h + i - pad_y, x = w + j - pad_x;
                if (y < 0 || y >= height || x < 0 || x >= width) continue;
                const double product = double(weight(i * taps_x + j)) * input(y * width + x);
                sum.value += product;
                sum.size += std::abs(product);
            }
        return sum;
    }
};

} // namespace weft::reference
