// SPDX-License-Identifier: Apache-2.0
// L2: one row a sequence, by attention with one query for all.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[s,h,:] = sum of p[t] v[t,h,:] over the new tokens t of sequence s, p = softmax(scale * q[h,:] . k[t,h,:]); 0 for a
/// sequence without new tokens. Rows of y beyond the step's sequences are not written. The result of a sequence does
/// not depend on others.
struct AttentionPoolArgs {
    Step step;
    Tensor q; ///< f32 [1, H * d]
    Tensor k; ///< f32 [T, H * d]; may be a column slice
    Tensor v; ///< f32 [T, H * d]; may be a column slice
    Tensor y; ///< f32 [S, H * d]; may be a column slice
    uint32_t heads = 0;
    float scale = 1;
};
void attention_pool(Recorder& r, const AttentionPoolArgs& a);

} // namespace weft::detail::kernel
