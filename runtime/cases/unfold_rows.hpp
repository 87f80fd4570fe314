// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/unfold_rows.
#pragma once
#include "cases/case.hpp"
#include "kernels/unfold_rows.hpp"

namespace weft::detail::kernel::cases::unfold_rows {

struct Grid {
    uint32_t height, width;
    uint32_t count() const { return height * width; }
};
struct Options {
    UnfoldRowsArgs args; ///< the cut, taps and flags; tensors are made by build()
    std::vector<Grid> grids;
    uint32_t channels = 1;
    bool line = false;   ///< grids are lines that no tensor describes
    bool sliced = false; ///< x and y are columns of wider matrices, from 5 and from 3 on

    uint32_t taps() const { return args.taps ? args.taps : args.cut.patch_y * args.cut.patch_x - args.first_tap; }
    uint32_t columns() const { return taps() * channels; }
    /// That of the rows of y over one in x.
    Grid own(const Grid& g) const;
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::unfold_rows
