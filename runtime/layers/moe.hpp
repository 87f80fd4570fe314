// SPDX-License-Identifier: Apache-2.0
// L3: mixture of experts.
#pragma once
#include "layers/mlp.hpp"
#include "layers/op.hpp"
#include <optional>

namespace weft::detail {

struct MoeSpec {
    static constexpr const char* name = "moe";
    static constexpr uint32_t colour = 0xe58f8f;

    uint32_t experts = 0, chosen = 0, inner = 0;
    Linear router; ///< [E, D]
    kernel::RouterScore score = kernel::RouterScore::softmax;
    kernel::RouterWeight weight = kernel::RouterWeight::score;
    WeightId choice_bias = kNoWeight; ///< [E]: added to the scores for the choice only
    /// The chosen come from the kept groups, those with the largest score.
    uint32_t groups = 1, kept_groups = 1;
    kernel::GroupScore group_score = kernel::GroupScore::best_two;
    bool renormalise = false; ///< weights divided by their sum + sum_eps
    float sum_eps = 0;
    float scale = 1;
    bool scale_input = false; ///< the weights multiply what the experts read, not what they give (Llama 4)
    /// What the experts work in, if that is narrower than the model: [latent, D] and, behind their sum, [D, latent].
    Linear latent_in, latent_out;
    bool gated = true;
    WeightId gate_up =
        kNoWeight;             ///< [E, 2 * inner, D or latent]: gate rows, then up rows; without a gate [E, inner, ..]
    WeightId down = kNoWeight; ///< [E, D or latent, inner]
    WeightId gate_up_bias = kNoWeight, down_bias = kNoWeight; ///< f32 [E, rows of gate_up], [E, rows of down]
    kernel::Activation activation = kernel::Activation::silu;
    float limit = 0;               ///< gate = min(gate, limit), up = clamp(up, -limit, limit) (gpt-oss); 0: none
    float up_offset = 0;           ///< on up behind the limit
    std::optional<MlpSpec> shared; ///< an expert that every token passes
    Linear shared_gate;            ///< [1, D]: its output times sigmoid of this; absent: times 1

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
