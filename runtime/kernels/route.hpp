// SPDX-License-Identifier: Apache-2.0
// L2: chooses experts for tokens.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// The k experts with the largest score (+ bias, for the choice only), largest first,
/// ties to the lowest index, and their weights:
/// Without a bias and group scores that are sums, experts are compared by their logits:
/// the same order, and no ties where scores saturate.
/// weight = scale * (the unbiased score, or softmax or sigmoid of the chosen logits), renormalised or not.
/// All in fp32; a NaN counts as the worst. Tokens beyond the step choose kNoExpert.
struct RouteArgs {
    Tensor header;  ///< the step's
    Tensor logits;  ///< f32 [T, E], E <= 1024; may be a column slice
    Tensor bias;    ///< f32 [E]: added to the score for the choice only; absent: 0
    Tensor experts; ///< out: u32 [T, k], k <= 32
    Tensor weights; ///< out: f32 [T, k]
    RouterScore score = RouterScore::softmax;
    RouterWeight weight = RouterWeight::score;
    uint32_t groups = 1; ///< groups of E / groups neighbouring experts, of which
    /// So many are kept, by the largest group score (of the biased scores); must hold at least k experts.
    uint32_t kept_groups = 1;
    GroupScore group_score = GroupScore::best;
    bool renormalise = false; ///< weight / (sum of the k weights + eps)
    float eps = 0.0f;
    float scale = 1.0f;
    Extent tokens = {1, Quantity::tokens};
};
void route(Recorder& r, const RouteArgs& a);
inline constexpr uint32_t kNoExpert = ~0u;

} // namespace weft::detail::kernel
