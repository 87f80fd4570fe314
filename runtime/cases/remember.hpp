// SPDX-License-Identifier: Apache-2.0
// The cases of remember() in kernels/sample.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::remember {

struct Options {
    Sequences sequences;
    uint32_t capacity;
    uint32_t spare; ///< tokens of the bucket beyond the step's
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::remember
