// SPDX-License-Identifier: Apache-2.0
// L3: Griffin's recurrent block: a real-gated linear recurrent unit behind a short convolution (De et al. 2024).
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// out(rg_lru(conv(x)) * act(y))
struct RgLruSpec {
    static constexpr const char* name = "rg_lru";
    static constexpr uint32_t colour = 0x8fc1a9;

    uint32_t inner = 0, blocks = 1; ///< blocks: of channels; gates of one read only its own
    Linear in;                      ///< rows: x [inner] | y [inner]
    Conv conv;                      ///< over x
    /// [2 * inner, inner / blocks]: of each block the rows of the input gate, then those of the recurrence gate.
    WeightId gates = kNoWeight, gates_bias = kNoWeight;
    WeightId rate = kNoWeight; ///< f32 [inner]: of decay, before its softplus
    kernel::Activation activation = kernel::Activation::gelu_tanh;
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
