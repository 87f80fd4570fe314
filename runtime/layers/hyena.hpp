// SPDX-License-Identifier: Apache-2.0
// L3: Hyena (Poli et al. 2023): long convolutions between gates, over rows that come whole.
#pragma once
#include "layers/convolve.hpp"

namespace weft::detail {

/// x_0 | ... | x_(order-1) | v = conv(in(rows));  for i = order - 1 ... 1: v = long convolution of x_i v;  out(x_0 v).
struct HyenaSpec {
    static constexpr const char* name = "hyena";
    static constexpr uint32_t colour = 0x8fc1a9;

    uint32_t inner = 0, order = 2; ///< channels of each; how many beside v
    uint32_t length = 0;           ///< rows of the filters: no sequence may be longer
    Linear in;                     ///< rows: x_0 [inner] | ... | v [inner]
    ConvolveSpec conv;             ///< each channel by itself, over rows before
    WeightId filter = kNoWeight;   ///< f32 [length, (order - 1) * inner]: first that of x_(order-1)
    WeightId skip = kNoWeight;     ///< f32 [(order - 1) * inner]: of each row itself
    Linear out;

    void fields(Fields& f, const Widths& w);
    bool whole() const { return true; } // no state is kept: it would be every row that was
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
