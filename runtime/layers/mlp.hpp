// SPDX-License-Identifier: Apache-2.0
// L3: channel mixers: gated and plain feed-forward blocks, mixture of experts.
#pragma once
#include "kernels/route.hpp"
#include "layers/context.hpp"
#include <optional>

namespace weft {

/// Feed-forward: out(act(gate) * up) or out(act(up)).
struct MlpSpec {
    Linear in; ///< gated: rows gate [I] | up [I]; else up [I]
    Linear out;
    uint32_t inner = 0;
    bool gated = true;
    kernel::Activation activation = kernel::Activation::silu;
    float gate_scale = 1;            ///< on the gate before the activation (Falcon-H1)
    Linear adapter_down, adapter_up; ///< low-rank addition to `in`: in(x) + adapter_up(adapter_down(x)) (Zamba2)
};

struct MoeSpec {
    uint32_t experts = 0, chosen = 0, inner = 0;
    Linear router; ///< [E, D]
    kernel::RouterScore score = kernel::RouterScore::softmax;
    kernel::RouterWeight weight = kernel::RouterWeight::score;
    WeightId choice_bias = kNoWeight; ///< [E]: added to the scores for the choice only
    /// The chosen come from the kept groups, those with the largest sum of their two best experts.
    uint32_t groups = 1, kept_groups = 1;
    bool renormalise = false; ///< weights divided by their sum
    float scale = 1;
    WeightId gate_up = kNoWeight;                             ///< [E, 2 * inner, D]: gate rows, then up rows
    WeightId down = kNoWeight;                                ///< [E, D, inner]
    WeightId gate_up_bias = kNoWeight, down_bias = kNoWeight; ///< f32 [E, 2 * inner], [E, D]
    kernel::Activation activation = kernel::Activation::silu;
    float limit = 0;               ///< gate = min(gate, limit), up = clamp(up, -limit, limit) (gpt-oss); 0: none
    float up_offset = 0;           ///< on up behind the limit
    std::optional<MlpSpec> shared; ///< an expert that every token passes
    Linear shared_gate;            ///< [1, D]: its output times sigmoid of this; absent: times 1
};

/// A projection alone (Zamba2's `linear` behind a shared block).
struct LinearSpec {
    Linear linear;
};

void lower(LayerContext& c, const MlpSpec& m, const kernel::Tensor& x, const Destination& to);
void lower(LayerContext& c, const MoeSpec& m, const kernel::Tensor& x, const Destination& to);
void lower(LayerContext& c, const LinearSpec& l, const kernel::Tensor& x, const Destination& to);

} // namespace weft
