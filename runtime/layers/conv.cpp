// SPDX-License-Identifier: Apache-2.0
#include "layers/conv.hpp"
#include "kernels/causal_conv.hpp"
#include "kernels/glu.hpp"
#include "layers/context.hpp"

namespace weft::detail {

void lower_conv(LayerContext& c, const Conv& conv, StateId window, const vk::Tensor& x, const vk::Tensor& y) {
    using kernel::Activation;
    const bool inside = conv.activation == Activation::silu; // the one that the kernel has
    kernel::causal_conv(c.r, {.step = c.step,
                              .x = x,
                              .weight = c.weight(conv.weight),
                              .bias = c.weight(conv.bias),
                              .y = y,
                              .state = c.state(window),
                              .activation = inside ? Activation::silu : Activation::none});
    if (!inside && conv.activation != Activation::none)
        kernel::glu(c.r, {.a = y, .y = y, .activation = conv.activation});
}

State window_of(const Conv& conv) { return {.name = "convolution", .shape = {conv.channels, conv.taps - 1}}; }

void check_conv(const Conv& conv, Limits& l) {
    l.range("the number of the convolution's taps", conv.taps, 2, 8); // what causal_conv has forms for
}

} // namespace weft::detail
