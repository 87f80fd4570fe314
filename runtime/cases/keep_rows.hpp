// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/keep_rows.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::keep_rows {

struct Options {
    Sequences sequences; ///< their `memory`: rows that are there already
    uint32_t columns, capacity;
    uint32_t spare = 0; ///< rows of the bucket beyond the step's
    bool slices = false;

    uint32_t wide() const { return columns + (slices ? 6 : 0); }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::keep_rows
