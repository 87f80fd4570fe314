// SPDX-License-Identifier: Apache-2.0
// L3: a projection alone (Zamba2's `linear` behind a shared block).
#pragma once
#include "layers/op.hpp"

namespace weft {

struct LinearSpec {
    static constexpr const char* name = "linear";
    static constexpr uint32_t colour = 0xd8d8d8;

    Linear linear;

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft
