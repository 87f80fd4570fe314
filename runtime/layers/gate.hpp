// SPDX-License-Identifier: Apache-2.0
// L3: the product of two values that stand side by side.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// activation(a) * b of an input [a | b].
struct GateSpec {
    static constexpr const char* name = "gate";
    static constexpr uint32_t colour = 0xd9c79a;

    kernel::Activation activation = kernel::Activation::none;

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft::detail
