// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/carry_state.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::carry_state {

struct Options {
    Sequences sequences;               ///< their `moved`: how far what they write is from what they read
    uint32_t words;                    ///< of a state
    std::vector<uint32_t> routed = {}; ///< sequences that have a chosen row, their last one
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::carry_state
