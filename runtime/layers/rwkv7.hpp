// SPDX-License-Identifier: Apache-2.0
// L3: the time mix of RWKV-7 (Peng et al. 2025, RWKV-7 "Goose", section 4). It reads two streams side by side: the
// residual stream, and the values of the first layer, which those of later ones are drawn to. Per head
//   S = diag(d) S - rate kk (kk^T S) + k v^T;  y = (group_norm(S^T r) + (sum of r k r_k) v) gate
#pragma once
#include "layers/low_rank.hpp"
#include "layers/op.hpp"

namespace weft::detail {

struct Rwkv7Spec {
    static constexpr const char* name = "rwkv7";
    static constexpr uint32_t colour = 0x7fb2d9;

    uint32_t heads = 0, key_size = 0, value_size = 0;
    Norm norm;                                 ///< of the residual stream alone
    WeightId mix = kNoWeight;                  ///< [6, D]: r, w, k, v, a, g; [5, D] without value: no v
    Linear receptance, key;                    ///< [H*K, D]
    Linear value;                              ///< [H*V, D]; absent: the values are those that the stream holds
    LowRank decay;                             ///< d = exp(-e^-1/2 sigmoid(.)), tanh between down and up
    LowRank rate;                              ///< sigmoid(.)
    LowRank gate;                              ///< sigmoid between down and up
    LowRank value_gate;                        ///< sigmoid(.); with value
    WeightId k_k = kNoWeight, k_a = kNoWeight; ///< [H*K]
    WeightId r_k = kNoWeight;                  ///< [H*K]
    Norm head_norm;                            ///< of each head, a weight and bias [H*V] of all
    Linear out;
    StateId last = kNoState, state = kNoState;

    void fields(Fields& f, const Widths& w);
    void states(States& s);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
