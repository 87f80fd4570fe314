// SPDX-License-Identifier: Apache-2.0
// L3: softmax attention with a KV cache: MHA, GQA, MQA; causal, sliding or chunked.
#pragma once
#include "layers/context.hpp"

namespace weft {

enum class RopeKind : uint32_t { none, half, pairs };

/// Rotary positions. `frequencies` are inverse frequencies computed by the model's file from its
/// config (linear, yarn, llama3 are in them already).
struct Rope {
    RopeKind kind = RopeKind::none;
    /// Computed f32 [rotary / 2], or [2, rotary / 2] with long_table: the second row for
    /// sequences longer than `original`.
    WeightId frequencies = kNoWeight;
    uint32_t rotary = 0;               ///< channels that are rotated, from the first
    bool long_table = false;           ///< longrope
    float factor = 1, long_factor = 1; ///< on cos and sin ("attention factor")
    float ntk = 0;                     ///< dynamic NTK: the scaling factor; 0: none
    uint32_t original = 0;             ///< length trained on, for long_table and ntk
};

struct AttentionSpec {
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
    uint32_t window = 0; ///< a query sees the last `window` positions, itself included; 0: all
    uint32_t chunk = 0;  ///< a query sees only its own chunk; 0: all
    float softcap = 0;
    WeightId sinks = kNoWeight; ///< f32 [H]
    Linear out;
};

/// to.y = to.residual + to.scale * attention(x); x f32 [T, D].
void lower(LayerContext& c, const AttentionSpec& a, const kernel::Tensor& x, const Destination& to);
std::vector<StateSpec> states_of(const AttentionSpec& a, const StateOptions& o);

} // namespace weft
