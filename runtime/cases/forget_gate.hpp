// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/forget_gate.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::forget_gate {

struct Options {
    uint32_t tokens, columns;
    bool bound, keys;
    float scale, least;
    bool slices;      ///< g and k are columns of one tensor, and so is z
    double magnitude; ///< of z

    uint32_t around() const { return slices ? 3 : 0; } ///< columns on either side
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::forget_gate
