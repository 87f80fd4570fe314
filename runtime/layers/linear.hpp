// SPDX-License-Identifier: Apache-2.0
// L3: one product: heads, poolers, projections.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// softcap(activation(scale * (x W^T + b))), softcap(x) = softcap * tanh(x / softcap).
struct LinearSpec {
    static constexpr const char* name = "linear";
    static constexpr uint32_t colour = 0xb8b8b8;

    Linear linear;
    kernel::Activation activation = kernel::Activation::none;
    float scale = 1, softcap = 0; ///< softcap 0: none

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft::detail
