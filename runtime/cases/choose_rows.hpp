// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/choose_rows.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::choose_rows {

enum class Scores : uint32_t { normal, ties, zeros, extreme };

struct Options {
    Sequences sequences;
    float capacity = 0;
    Scores scores = Scores::normal;
    uint32_t spare = 0;  ///< rows of the bucket beyond the step's
    bool slices = false; ///< columns of wider tensors
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::choose_rows
