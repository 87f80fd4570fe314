// SPDX-License-Identifier: Apache-2.0
#include "layers/rg_lru.hpp"
#include "kernels/glu.hpp"
#include "kernels/products.hpp"
#include "kernels/rg_lru.hpp"
#include "layers/context.hpp"
#include "layers/conv.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(RgLruSpec, 11); // with its states
void RgLruSpec::fields(Fields& f, const Widths& w) {
    f.size("inner", inner, uint32_t(w.model));
    f.size("blocks", blocks, 1u);
    f.rule(inner % std::max(1u, blocks) == 0, "blocks", "divide inner");
    f.linear("in", in, w.input, 2 * uint64_t(inner));
    f.conv("conv", conv, inner);
    f.weight("gates", gates, {2 * uint64_t(inner), inner / std::max(1u, blocks)}, WeightUse::always,
             WeightKind::matrix);
    f.weight("gates_bias", gates_bias, {2 * uint64_t(inner)}, WeightUse::usual, WeightKind::vector);
    f.weight("rate", rate, {inner}, WeightUse::always, WeightKind::vector);
    f.value("activation", activation, kernel::Activation::gelu_tanh);
    f.linear("out", out, inner, w.model);
}

void RgLruSpec::states(States& s) {
    s.declare(window, window_of(conv));
    s.declare(state, {.name = "recurrent state", .shape = {inner}});
}

void RgLruSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const uint32_t width = inner / blocks;
    const kernel::Tensor xy = c.rows(2 * inner, "x, y"), convolved = c.rows(inner, "convolved"),
                         gated = c.rows(2 * inner, "gates"), y = c.rows(inner, "scanned");
    lower_linear(c, in, x, {xy});
    lower_conv(c, conv, window, xy.slice_columns(0, inner), convolved);
    const kernel::Tensor bias = c.weight(gates_bias);
    for (uint32_t b = 0; b < blocks; ++b) {
        const auto own = [&](const kernel::Tensor& t) { return t ? t.slice_columns(b * 2 * width, 2 * width) : t; };
        kernel::matmul(c.r, {.x = convolved.slice_columns(b * width, width),
                             .weight = kernel::weight_rows(c.weight(gates), uint64_t(b) * 2 * width, 2 * width),
                             .bias = own(bias),
                             .y = own(gated),
                             .max_rows = c.step.max_tokens});
    }
    kernel::rg_lru(c.r, {.step = c.step,
                         .x = convolved,
                         .gates = gated,
                         .rate = c.weight(rate),
                         .y = y,
                         .state = c.state(state),
                         .width = width});
    kernel::glu(c.r, {.a = xy.slice_columns(inner, inner), .b = y, .y = y, .activation = activation});
    lower_linear(c, out, y, to);
}

void RgLruSpec::work(WorkCounter& w) const {
    w.recurrence(4 * uint64_t(inner) + bytes_of_window(conv), 8 * uint64_t(inner) + operations_of(conv));
}

void RgLruSpec::limits(Limits& l) const { check_conv(conv, l); }

std::string RgLruSpec::words() const {
    return std::to_string(inner) + " channels in " + std::to_string(blocks) + (blocks == 1 ? " block" : " blocks");
}

weft_OP(RgLruSpec);

} // namespace weft::detail
