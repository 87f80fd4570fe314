// SPDX-License-Identifier: Apache-2.0
// L3: short gated convolutions as mixers of their own (LFM2, Liquid AI 2025).
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// out(out_gate * act(conv(in_gate * x)))
struct ShortConvSpec {
    static constexpr const char* name = "short_conv";
    static constexpr uint32_t colour = 0x9fd3c7;

    uint32_t inner = 0;
    Linear in; ///< rows: in_gate [inner] | out_gate [inner] | x [inner]
    Conv conv; ///< its activation is none or silu
    Linear out;
    StateId window = kNoState; ///< of the convolution

    void fields(Fields& f, const Widths& w);
    void states(States& s);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
