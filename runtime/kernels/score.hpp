// SPDX-License-Identifier: Apache-2.0
// L2: what tokens cost by the logits in front of them.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[o] = -log p of ids[o] by row o of the logits, in nats; +inf where its logit is -inf. NaN where a logit of the row
/// is NaN or +inf, or all are -inf. Rows whose id is kNoToken are passed over, and their y stays.
struct ScoreArgs {
    Tensor logits; ///< f32 [O, V]; may be a column slice
    Tensor ids;    ///< u32 [O], below V or kNoToken
    Tensor y;      ///< f32 [O]
};
void score(Recorder& r, const ScoreArgs& a);

} // namespace weft::detail::kernel
