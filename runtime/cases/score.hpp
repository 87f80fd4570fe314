// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/score.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::score {

struct Options {
    uint32_t rows = 1, vocabulary = 1;
    double deviation = 3, mean = 0;
    bool slice = false;      ///< logits are columns [3, 3 + V) of wider rows
    bool holes = false;      ///< every third row has no id
    bool not_finite = false; ///< rows with -inf, NaN and +inf at different places, and one of -inf alone

    uint32_t wide() const { return vocabulary + (slice ? 5 : 0); }
    uint32_t first() const { return slice ? 3 : 0; }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::score
