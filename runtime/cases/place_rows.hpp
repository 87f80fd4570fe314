// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/place_rows.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::place_rows {

struct Options {
    uint32_t tokens, columns, slots, capacity;
    bool x = true, residual = false; ///< which are there
    float scale = 1;
    bool slices = false; ///< x and y are columns of wider tensors

    uint32_t wide() const { return columns + (slices ? 6 : 0); }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::place_rows
