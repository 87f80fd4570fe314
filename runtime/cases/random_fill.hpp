// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/random_fill.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::random_fill {

struct Options {
    uint32_t words;
    DType type;
    float deviation;
    bool negative;
    uint64_t seed;
    uint32_t stream;
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::random_fill
