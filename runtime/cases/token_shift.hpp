// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/token_shift.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::token_shift {

struct Options {
    uint32_t channels, mixes;
    Sequences sequences;
    uint32_t around; ///< columns on either side of x and y
    double size;     ///< of x
    bool own_mixes, moves_on;
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::token_shift
