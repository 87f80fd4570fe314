// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/wkv7_prepare.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::wkv7_prepare {

struct Shape {
    uint32_t tokens, heads, size, columns; ///< columns 0: no values
};
/// The columns of "rows" are 2 of lead, k, rate, a and v of all heads, and 3 more.
struct Options {
    Shape shape;
    double magnitude;

    uint32_t width() const { return 5 + 3 * shape.heads * shape.size + shape.heads * shape.columns; }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::wkv7_prepare
