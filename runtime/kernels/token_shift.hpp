// SPDX-License-Identifier: Apache-2.0
// L2: RWKV's token shift: tokens mixed with the ones before them.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[t, m, c] = x[t, c] + mix[m, c] * (x[t - 1, c] - x[t, c]) within each sequence, or each token's own mix[t, m, c].
/// Before a sequence's first new token stands its state; 0 for a sequence without a past.
struct TokenShiftArgs {
    Step step;
    Tensor x;     ///< f32 [T, C]; may be a column slice
    Tensor mix;   ///< f32 [M, C] or [M * C], M = 1 to 8; `own_mixes`: [T, M * C], may be a column slice
    Tensor y;     ///< f32 [T, M * C]; may be a column slice; not x
    Tensor state; ///< f32 [slots, C], the last x: read (with a past) and written
    bool own_mixes = false;
    bool moves_on = true; ///< false: the state is not written, since another call of the step reads it too
};
void token_shift(Recorder& r, const TokenShiftArgs& a);

} // namespace weft::detail::kernel
