// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal_conv.hpp"
#include "causal_conv.gen.hpp"
#include "causal_conv_state.gen.hpp"
#include "causal_conv_step.gen.hpp"

namespace weft::detail::kernel {

void causal_conv(Recorder& r, const CausalConvArgs& a) {
    const uint32_t channels = a.x.columns(), taps = a.weight.columns();
    weft_CHECK(a.step.header && a.step.sequences && a.step.token_sequence && a.step.max_tokens > 0,
               "step must be filled");
    weft_CHECK(a.weight.rank == 2 && a.weight.contiguous() && a.weight.shape[0] == channels && taps >= 2 && taps <= 8,
               "weight must be [C, K] with the columns of x and K = 2 to 8");
    weft_CHECK(!a.bias || (a.bias.contiguous() && a.bias.count() == channels), "bias must be [C]");
    weft_CHECK(a.y.columns() == channels, "y must have as many columns as x");
    weft_CHECK(!a.state || (a.state.rank == 3 && a.state.contiguous() && a.state.shape[1] == channels &&
                            a.state.shape[2] == taps - 1),
               "state must be [slots, C, K - 1]");
    weft_CHECK(bool(a.in_gate) == bool(a.out_gate), "there must be both gates or none");
    for (const Tensor& gate : {a.in_gate, a.out_gate})
        weft_CHECK(!gate || (gate.columns() == channels && gate.resource == a.x.resource && gate.offset == a.x.offset &&
                             gate.stride == a.x.stride && gate.start < a.x.start),
                   "gates must be column slices of the tensor of x, before it and as wide");
    weft_CHECK(a.activation == Activation::none || a.activation == Activation::silu, "activation must be none or silu");
    const Tensor bias = r.or_unused(a.bias), state = r.or_unused(a.state);
    const uint32_t activation = uint32_t(a.activation),
                   parts = (a.bias ? 1u : 0u) | (a.state ? 2u : 0u) | (a.in_gate ? 4u : 0u);
    const Extent sequences{1, Quantity::sequences};

    // A few tokens are not worth a second dispatch, though one thread then walks over all of a sequence's.
    if (a.step.decode || a.step.max_tokens <= 16) {
        using K = shader::causal_conv_step;
        r.dispatch<K>(
            K::Variant::core, {.TAPS = taps, .ACTIVATION = activation, .PARTS = parts},
            {.sequences = a.step.sequences, .x = a.x, .weight = a.weight, .bias = bias, .y = a.y, .state = state},
            {.channels = channels,
             .x_stride = a.x.stride,
             .x_start = a.x.start,
             .in_gate = a.in_gate.start,
             .out_gate = a.out_gate.start,
             .y_stride = a.y.stride,
             .y_start = a.y.start},
            {.x = {channels}, .y = sequences, .z = {}});
        return;
    }
    using K = shader::causal_conv;
    constexpr uint32_t run = 16;
    r.dispatch<K>(K::Variant::core, {.LOCAL = 64, .TAPS = taps, .RUN = run, .ACTIVATION = activation, .PARTS = parts},
                  {.header = a.step.header,
                   .sequences = a.step.sequences,
                   .token_sequence = a.step.token_sequence,
                   .x = a.x,
                   .weight = a.weight,
                   .bias = bias,
                   .state = state,
                   .y = a.y},
                  {.channels = channels,
                   .x_stride = a.x.stride,
                   .x_start = a.x.start,
                   .in_gate = a.in_gate.start,
                   .out_gate = a.out_gate.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start},
                  {.x = {channels}, .y = {1, Quantity::tokens, run}, .z = {}});
    if (!a.state) return;
    using S = shader::causal_conv_state;
    r.dispatch<S>(S::Variant::core, {.TAPS = taps, .PARTS = parts},
                  {.sequences = a.step.sequences, .x = a.x, .state = a.state},
                  {.channels = channels, .x_stride = a.x.stride, .x_start = a.x.start, .in_gate = a.in_gate.start},
                  {.x = {channels}, .y = sequences, .z = {}});
}

} // namespace weft::detail::kernel
