// SPDX-License-Identifier: Apache-2.0
// L3: convolutions that leave fewer rows.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// act(window W^T + b) of each rectangle of another stage's patches: for stages whose rows are merged, a convolution
/// with their stride and padding. Reads no stream.
struct DownsampleSpec {
    static constexpr const char* name = "downsample";
    static constexpr uint32_t colour = 0x9fd3c7;
    static constexpr bool source = true;

    WeightId weight = kNoWeight; ///< [width, down * across * width of the patches], a patch's channels side by side
    WeightId bias = kNoWeight;
    kernel::Activation activation = kernel::Activation::none;

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft::detail
