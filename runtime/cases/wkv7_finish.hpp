// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/wkv7_finish.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::wkv7_finish {

struct Shape {
    uint32_t tokens, heads, size, columns;
};
/// r, k and v are columns of "rows", behind 3 of lead.
struct Options {
    Shape shape;
    double magnitude;
    double offset; ///< of the mean from 0, which cancels
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::wkv7_finish
