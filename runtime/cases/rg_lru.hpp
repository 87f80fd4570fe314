// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/rg_lru.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::rg_lru {

struct Options {
    uint32_t channels, width; ///< width: of a block
    Sequences sequences;
    uint32_t chunk = 0;
    uint32_t around = 0; ///< columns on either side of x and y
    double rate_low = -4, rate_high = 1, gate_low = -4, gate_high = 4, x_size = 1;

    uint32_t wide() const { return channels + 2 * around; }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::rg_lru
