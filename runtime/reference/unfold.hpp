// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/unfold.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::reference {
using namespace detail;

struct Unfold {
    int64_t channels, patch_y, patch_x, stride_y, stride_x, pad_y, pad_x;

    /// The row of the patch at (h, w) of a picture [channels, height, width].
    std::vector<double> row(const float* x, int64_t height, int64_t width, int64_t h, int64_t w) const {
        std::vector<double> y;
        for (int64_t c = 0; c < channels; ++c)
            for (int64_t i = 0; i < patch_y; ++i)
                for (int64_t j = 0; j < patch_x; ++j) {
                    const int64_t at_h = h * stride_y + i - pad_y, at_w = w * stride_x + j - pad_x;
                    const bool inside = at_h >= 0 && at_h < height && at_w >= 0 && at_w < width;
                    y.push_back(inside ? double(x[(c * height + at_h) * width + at_w]) : 0.0);
                }
        return y;
    }
};

} // namespace weft::reference
