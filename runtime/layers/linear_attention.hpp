// SPDX-License-Identifier: Apache-2.0
// L3: linear attention with or without a decay: Lightning attention (Qin et al. 2024; MiniMax-01), retention (Sun et
// al. 2023), gated linear attention (Yang et al. 2023), HGRN2 (Qin et al. 2024), and what is alike. A head's state is
// the decayed sum of its keys' and values' outer products: S = diag(e^decay) S + k v^T, o = scale S^T q.
#pragma once
#include "layers/low_rank.hpp"
#include "layers/op.hpp"

namespace weft::detail {

/// Decays of channels that follow from the token: g = max(scale log f, least), f = b + (1 - b) sigmoid(z).
struct ForgetGate {
    LowRank of;        ///< z [H*K] of the op's input; absent: where the others have keys, whose place 1 - f takes
    bool keys = false; ///< there is no `of`
    WeightId lower_bound = kNoWeight; ///< f32 [H*K]: b
    float scale = 1, least = 0;       ///< least 0: none
    explicit operator bool() const { return keys || of; }
};

struct LinearAttentionSpec {
    static constexpr const char* name = "linear_attention";
    static constexpr uint32_t colour = 0xb79ad6;

    uint32_t heads = 0, key_size = 0, value_size = 0;
    Linear qkv;                                               ///< rows: q [H*K] | k [H*K] | v [H*V]
    kernel::Activation activation = kernel::Activation::none; ///< on q, k and v
    Conv conv;                                                ///< over q | k | v, behind that; absent: none
    /// On q and k behind the convolution; with forgetting keys on q alone.
    kernel::Activation feature = kernel::Activation::none;
    Linear q_map, k_map; ///< in its place, of each head: [2K, K], the first K results times the others
    Rope rope;
    Norm q_norm, k_norm;        ///< of each head, behind all that
    WeightId decay = kNoWeight; ///< f32 [H], at most 0; absent: none
    ForgetGate forget;          ///< in its place
    float scale = 1;            ///< on q
    bool normalize = false;     ///< o = S^T q / (q^T sum of keys + 1e-10)
    Norm norm;
    bool norm_heads = false; ///< each head by itself, else all together
    Linear gate;             ///< [H*V, D]: times its activation, behind the norm
    kernel::Activation gate_activation = kernel::Activation::sigmoid;
    Linear out;
    StateId window = kNoState, state = kNoState; ///< of the convolution, of the scan

    void fields(Fields& f, const Widths& w);
    void states(States& s);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
