// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/norm.
#pragma once
#include "cases/case.hpp"
#include "kernels/norm.hpp"

namespace weft::detail::kernel::cases::norm {

struct Shape {
    uint32_t tokens, groups, width;
};
struct Options {
    Shape shape;
    NormArgs args; ///< kinds and scalars; tensors are made by build()
    bool weight, bias, residual;
    double magnitude;
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::norm
