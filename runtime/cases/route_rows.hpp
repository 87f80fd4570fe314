// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/route_rows.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::route_rows {

struct Options {
    Sequences sequences;
    double share = 0.4;                  ///< of rows that are chosen, at random
    std::vector<uint32_t> without = {};  ///< sequences none of whose rows is
    uint32_t spare = 0, capacity = 4200; ///< rows of the bucket beyond the step's; of a sequence's counts
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::route_rows
