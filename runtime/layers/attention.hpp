// SPDX-License-Identifier: Apache-2.0
// L3: softmax attention with a KV cache: MHA, GQA, MQA; causal, sliding or chunked.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

struct AttentionSpec {
    static constexpr const char* name = "attention";
    static constexpr uint32_t colour = 0xf2b872;

    uint32_t heads = 0, kv_heads = 0, head_size = 0, value_size = 0;
    Linear qkv; ///< rows: q [H*d] | k [G*d] | v [G*dv] | (gate [H*dv])
    /// Low-rank additions to q, k and v (Zamba2): each + its up(its third of down(x)).
    Linear adapter_down, adapter_up[3];
    bool gate = false;           ///< output times sigmoid(gate) before the output projection
    Norm q_norm, k_norm;         ///< before the rotation
    bool norm_all_heads = false; ///< the norms span all heads together (OLMo-2), not one head
    Rope rope;
    float scale = 1;
    float key_scale = 1; ///< on k before the rotation
    bool causal = true;  ///< a query sees nothing behind itself
    uint32_t window = 0; ///< a query sees the last `window` positions, itself included; 0: all
    uint32_t ahead = 0;  ///< not causal: it sees itself and fewer than `ahead` positions behind itself; 0: all
    uint32_t chunk = 0;  ///< a query sees only its own chunk; 0: all
    float softcap = 0;
    /// q *= 1 + temperature * ln(1 + floor((position + temperature_offset) / temperature_floor)) (Llama 4). 0: none.
    float temperature = 0, temperature_floor = 8192, temperature_offset = 0;
    WeightId sinks = kNoWeight; ///< f32 [H]
    /// f32 [H, bias_columns], added to scores by distance: column bias_offset() is that of a token to itself, distances
    /// beyond the table's ends are those at its ends (T5).
    WeightId bias = kNoWeight;
    uint32_t bias_columns = 0;
    /// Not 0: bias is [H, bias_side, bias_side] in place of that, by the distances of two places of a window, down and
    /// across; in views of windows (Swin).
    uint32_t bias_side = 0;
    Linear out;
    StateId keys = kNoState, values = kNoState;

    uint32_t bias_offset() const { return causal ? bias_columns - 1 : bias_columns / 2; }
    void fields(Fields& f, const Widths& w);
    void states(States& s);
    bool sees_ahead() const { return !causal; }
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
