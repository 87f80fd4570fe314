// SPDX-License-Identifier: Apache-2.0
// L3: convolutions over rows as they lie in a picture, or one after another.
#pragma once
#include "kernels/unfold_rows.hpp"
#include "layers/op.hpp"

namespace weft::detail {

/// y = act(conv(x)), a row for each of the stage's: those of a picture under a window around it, or, of a `line`, its
/// neighbours in the sequence; zeros beyond edges.
struct ConvolveSpec {
    static constexpr const char* name = "convolve";
    static constexpr uint32_t colour = 0x9fd3c7;

    uint32_t taps = 1, taps_across = 1; ///< of the window, down and across; of a line across alone
    uint32_t pad = 0, pad_across = 0;   ///< taps above and left of the row
    bool line = false;
    /// Equal shares of the channels, each made of its own inputs; as many as there are channels: each of itself.
    uint32_t groups = 1;
    WeightId weight = kNoWeight; ///< [out, taps * in / groups], a tap's channels side by side; by itself: [taps, width]
    WeightId bias = kNoWeight;
    kernel::Activation activation = kernel::Activation::none;
    uint32_t in = 0, out = 0; ///< channels

    bool depthwise() const { return groups == in && in == out; }
    void fields(Fields& f, const Widths& w);
    bool sees_ahead() const { return true; }
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    std::string words() const;
};

/// What a convolution that mixes channels reads, and what it is made of.
struct Windows {
    kernel::UnfoldRowsArgs from; ///< but for y
    WeightId weight = kNoWeight; ///< [out, taps * in / groups], a tap's channels side by side
    WeightId bias = kNoWeight;
    uint32_t groups = 1;
    kernel::Activation activation = kernel::Activation::none;
};
/// to.y = to.residual + to.scale * act(windows W^T + b)
void lower_windows(LayerContext& c, const Windows& windows, const Destination& to);

} // namespace weft::detail
