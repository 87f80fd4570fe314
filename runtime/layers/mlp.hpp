// SPDX-License-Identifier: Apache-2.0
// L3: feed-forward blocks, gated and plain.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// out(act(gate) * up) or out(act(up)).
struct MlpSpec {
    static constexpr const char* name = "mlp";
    static constexpr uint32_t colour = 0xd8d8d8;

    Linear in; ///< gated: rows gate [I] | up [I]; else up [I]
    Linear out;
    uint32_t inner = 0;
    bool gated = true;
    kernel::Activation activation = kernel::Activation::silu;
    float gate_scale = 1;            ///< on the gate before the activation (Falcon-H1)
    Linear adapter_down, adapter_up; ///< low-rank addition to `in`: in(x) + adapter_up(adapter_down(x)) (Zamba2)

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft::detail
