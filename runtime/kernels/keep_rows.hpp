// SPDX-License-Identifier: Apache-2.0
// L2: rows of a step into the memories of their sequences.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// memory[slot, StepSequence::memory + i] = the sequence's i-th new row. Rows that the memory has no room for are left
/// out.
struct KeepRowsArgs {
    Step step;
    Tensor x;      ///< f32 [T, D]; may be a column slice
    Tensor memory; ///< f32 [slots, 1, capacity, D]
};
void keep_rows(Recorder& r, const KeepRowsArgs& a);

} // namespace weft::detail::kernel
