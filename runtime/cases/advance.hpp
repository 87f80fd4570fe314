// SPDX-License-Identifier: Apache-2.0
// The cases of advance() in kernels/sample, alone and in a decode loop with sample() and remember().
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::advance {

inline constexpr uint32_t kVocabulary = 700, kCapacity = 64;

struct Options {
    Sequences sequences;
    uint32_t steps = 1;
    bool decode = false;                   ///< a loop with sample() and remember()
    uint32_t spare = 3;                    ///< by how much the bucket is larger than the step
    std::vector<uint32_t> ending, without; ///< sequences that get an end token, and that got none
    uint32_t axes = 0;                     ///< of positions
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::advance
