// SPDX-License-Identifier: Apache-2.0
// L2: groups the (token, choice) pairs by expert.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// Stable counting sort of the pairs p = t * k + j of the step's real tokens by experts[p]: the pairs of expert e are
/// order[offsets[e]] .. order[offsets[e + 1] - 1], in increasing p. Pairs whose expert is >= E (dropped) are left out;
/// offsets[E] counts the others, and order is not written from there on.
struct MoeSortArgs {
    Tensor header;  ///< step.header: tells the real T
    Tensor experts; ///< u32 [T, k]
    Tensor order;   ///< out: u32 [T * k]
    Tensor offsets; ///< out: u32 [E + 1]
};
void moe_sort(Recorder& r, const MoeSortArgs& a);

} // namespace weft::detail::kernel
