// SPDX-License-Identifier: Apache-2.0
// L3: the time mix of RWKV-6 (Peng et al. 2024, Eagle and Finch, section 4.2). In which proportions a token is mixed
// with the one before it follows from the two; and so does the decay of each channel. Per head
//   y = group_norm(r^T (S + diag(bonus) k v^T)) silu(gate);  S = diag(exp(-exp(decay))) S + k v^T
#pragma once
#include "layers/low_rank.hpp"
#include "layers/op.hpp"
#include <array>

namespace weft::detail {

struct Rwkv6Spec {
    static constexpr const char* name = "rwkv6";
    static constexpr uint32_t colour = 0x9fb8e0;

    uint32_t heads = 0, key_size = 0, value_size = 0;
    WeightId mix = kNoWeight;     ///< [D]: of what the proportions follow from
    Linear mix_down;              ///< [5 r, D], then tanh; r columns are of each of w, k, v, r and g
    std::array<Linear, 5> mix_up; ///< [D, r] with biases: the proportions of w, k, v, r and g
    Linear receptance, key;       ///< [H*K, D]
    Linear value, gate;           ///< [H*V, D]
    LowRank decay;                ///< tanh between down and up
    WeightId bonus = kNoWeight;   ///< [H*K]
    Norm head_norm;               ///< of each head, a weight and bias [H*V] of all
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
