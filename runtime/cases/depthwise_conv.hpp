// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/depthwise_conv.
#pragma once
#include "cases/case.hpp"
#include "kernels/depthwise_conv.hpp"

namespace weft::detail::kernel::cases::depthwise_conv {

struct Grid {
    uint32_t height, width;
    uint32_t count() const { return height * width; }
};
struct Options {
    DepthwiseConvArgs args; ///< taps, padding and activation; tensors are made by build()
    std::vector<Grid> grids;
    uint32_t channels = 1;
    bool bias = true;
    bool line = false;   ///< grids are lines that no tensor describes
    bool sliced = false; ///< x and y are columns of wider matrices, from 5 and from 3 on
    double deviation = 1;

    uint32_t x_wide() const { return channels + (sliced ? 9 : 0); }
    uint32_t y_wide() const { return channels + (sliced ? 7 : 0); }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::depthwise_conv
