// SPDX-License-Identifier: Apache-2.0
// L3: linear attention with a decay: Lightning attention (Qin et al. 2024; MiniMax-01), and what is alike. A head's
// state is the decayed sum of its keys' and values' outer products: S = e^decay S + k v^T, o = scale S^T q.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

struct LinearAttentionSpec {
    static constexpr const char* name = "linear_attention";
    static constexpr uint32_t colour = 0xb79ad6;

    uint32_t heads = 0, key_size = 0, value_size = 0;
    Linear qkv;                                               ///< rows: q [H*K] | k [H*K] | v [H*V]
    kernel::Activation activation = kernel::Activation::none; ///< on q, k and v
    WeightId decay = kNoWeight;                               ///< f32 [H], at most 0; absent: none
    float scale = 1;                                          ///< on q
    Norm norm;                                                ///< of all heads together
    Linear gate;                                              ///< [H*V, D]: times sigmoid of it, behind the norm
    Linear out;
    StateId state = kNoState;

    void fields(Fields& f, const Widths& w);
    void states(States& s);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
