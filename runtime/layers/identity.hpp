// SPDX-License-Identifier: Apache-2.0
// L3: what a block reads, as it is or activated: for blocks that are a norm alone (RWKV's first), or that move a
// stream.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

struct IdentitySpec {
    static constexpr const char* name = "identity";
    static constexpr uint32_t colour = 0xd8d8d8;

    kernel::Activation activation = kernel::Activation::none;

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft::detail
