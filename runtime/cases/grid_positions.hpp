// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/grid_positions.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::grid_positions {

struct Grid {
    uint32_t down, across;
};
struct Options {
    uint32_t side, columns;
    std::vector<Grid> pictures;
    bool cubic = false, corners = true;
    uint32_t extra = 0;  ///< rows before the patches of each, which are nowhere
    bool sliced = false; ///< y is columns 3 and on of a wider matrix
    float scale = 1;

    uint32_t wide() const { return columns + (sliced ? 5 : 0); }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::grid_positions
