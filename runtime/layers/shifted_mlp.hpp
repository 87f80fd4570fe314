// SPDX-License-Identifier: Apache-2.0
// L3: a plain feed-forward block of each token mixed with the one before it: the channel mix of RWKV-6 and 7 (Peng et
// al. 2024, 2025). Without its second half a projection of such a mixture.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// out(act(in(x + mix * (x of the token before - x)))), or without out the activated itself; times the sigmoid of
/// receptance(x + its own mix * (...)), if there is one.
struct ShiftedMlpSpec {
    static constexpr const char* name = "shifted_mlp";
    static constexpr uint32_t colour = 0xd8d8d8;

    uint32_t inner = 0;
    WeightId mix = kNoWeight; ///< [D]; with a receptance [2, D], its own behind
    Linear in, out;
    Linear receptance; ///< [D, D]; RWKV-6
    kernel::Activation activation = kernel::Activation::relu2;
    StateId last = kNoState;

    void fields(Fields& f, const Widths& w);
    void states(States& s);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    std::string words() const;
};

} // namespace weft::detail
