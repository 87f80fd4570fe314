// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/gather_rows.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::gather_rows {

/// `count` indices into `rows` rows (times `divisor`), some beyond them.
struct Options {
    uint32_t rows, columns, count, divisor;
    bool slices;

    uint32_t x_wide() const { return columns + (slices ? 6 : 0); }
    uint32_t y_wide() const { return columns + (slices ? 4 : 0); }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::gather_rows
