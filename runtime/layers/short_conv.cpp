// SPDX-License-Identifier: Apache-2.0
#include "layers/short_conv.hpp"
#include "kernels/causal_conv.hpp"
#include "layers/context.hpp"
#include "layers/conv.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(ShortConvSpec, 5); // with its state
void ShortConvSpec::fields(Fields& f, const Widths& w) {
    f.size("inner", inner, uint32_t(w.model));
    f.linear("in", in, w.input, 3 * uint64_t(inner));
    f.conv("conv", conv, inner);
    f.rule(conv.activation == kernel::Activation::none || conv.activation == kernel::Activation::silu, "conv",
           "have the activation none or silu");
    f.linear("out", out, inner, w.model);
}

void ShortConvSpec::states(States& s) { s.declare(window, window_of(conv)); }

void ShortConvSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const kernel::Tensor all = c.rows(3 * inner, "gates, x"), y = c.rows(inner, "convolved");
    lower_linear(c, in, x, {all});
    kernel::causal_conv(c.r, {.step = c.step,
                              .x = all.slice_columns(2 * inner, inner),
                              .in_gate = all.slice_columns(0, inner),
                              .out_gate = all.slice_columns(inner, inner),
                              .weight = c.weight(conv.weight),
                              .bias = c.weight(conv.bias),
                              .y = y,
                              .state = c.state(window),
                              .activation = conv.activation});
    lower_linear(c, out, y, to);
}

void ShortConvSpec::work(WorkCounter& w) const {
    w.recurrence(bytes_of_window(conv), 2 * uint64_t(inner) + operations_of(conv));
}

void ShortConvSpec::limits(Limits& l) const { check_conv(conv, l); }

std::string ShortConvSpec::words() const {
    return std::to_string(inner) + " channels, " + std::to_string(conv.taps) + " taps";
}

weft_OP(ShortConvSpec);

} // namespace weft::detail
