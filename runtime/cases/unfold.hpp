// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/unfold.
#pragma once
#include "cases/case.hpp"
#include "kernels/unfold.hpp"

namespace weft::detail::kernel::cases::unfold {

struct Picture {
    uint32_t height, width;
};
struct Options {
    UnfoldArgs args; ///< channels, patch, strides and padding; tensors are made by build()
    std::vector<Picture> pictures;
    bool sliced = false;    ///< y is columns 3 and on of a wider matrix
    bool backwards = false; ///< the rows of a picture come in reverse order
    uint32_t extra = 0;     ///< rows before those of a picture, which are nowhere

    /// Where the patches of a picture lie: h and w of each row, in order.
    std::vector<std::pair<uint32_t, uint32_t>> places(const Picture& p) const;
    uint64_t columns() const { return uint64_t(args.channels) * args.cut.patch_y * args.cut.patch_x; }
    /// Where in "x" the values of a picture begin; what lies between pictures is NaN.
    size_t offset(size_t picture) const;
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::unfold
