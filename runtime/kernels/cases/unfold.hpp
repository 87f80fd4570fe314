// SPDX-License-Identifier: Apache-2.0
// L2: the parameters of the cases of kernels/unfold: the test's reference needs them too.
#pragma once
#include "kernels/case.hpp"
#include "kernels/unfold.hpp"

namespace weft::kernel {

struct UnfoldCase {
    struct Picture {
        uint32_t height, width;
    };
    std::string name;
    UnfoldArgs options; ///< channels, patch, strides and padding; tensors are made by build()
    std::vector<Picture> pictures;
    bool sliced = false;    ///< y is columns 3 and on of a wider matrix
    bool backwards = false; ///< the rows of a picture come in reverse order

    /// Where the patches of a picture lie: h and w of each row, in order.
    std::vector<std::pair<uint32_t, uint32_t>> places(const Picture& p) const;
    uint64_t columns() const { return uint64_t(options.channels) * options.patch_y * options.patch_x; }
    /// Where in "x" the values of a picture begin; what lies between pictures is NaN.
    size_t offset(size_t picture) const;
    /// Makes the inputs "x", "pictures", "places" and the output "y".
    void build(CaseContext& ctx) const;
};

const std::vector<UnfoldCase>& unfold_case_list();

} // namespace weft::kernel
