// SPDX-License-Identifier: Apache-2.0
#include "layers/delta.hpp"
#include "kernels/gated_delta.hpp"

namespace weft {

void lower(LayerContext& c, const GatedDeltaSpec& g, const kernel::Tensor& x, const Destination& to) {
    const uint32_t keys = g.key_heads * g.key_size, values = g.value_heads * g.value_size, mixed = 2 * keys + values;
    const kernel::Tensor all = c.rows(g.in.out, "q, k, v, z, b, a"), conv = c.rows(mixed, "convolved"),
                         y = c.rows(values, "delta rule");
    lower_linear(c, g.in, x, {all});
    lower_conv(c, g.conv, all.slice_columns(0, mixed), conv);
    kernel::gated_delta(c.r, {.step = c.step,
                              .q = conv.slice_columns(0, keys),
                              .k = conv.slice_columns(keys, keys),
                              .v = conv.slice_columns(2 * keys, values),
                              .b = all.slice_columns(mixed + values, g.value_heads),
                              .a = all.slice_columns(mixed + values + g.value_heads, g.value_heads),
                              .dt_bias = c.weight(g.dt_bias),
                              .a_head = c.weight(g.a),
                              .y = y,
                              .state = c.state(),
                              .beta_scale = g.beta_scale});
    kernel::norm(c.r, {.x = y,
                       .weight = c.weight(g.norm.weight),
                       .gate = all.slice_columns(mixed, values),
                       .y = y,
                       .kind = g.norm.kind,
                       .gate_at = kernel::Gate::after,
                       .width = g.value_size,
                       .eps = g.norm.eps});
    lower_linear(c, g.out, y, to);
}

std::vector<StateSpec> states_of(const GatedDeltaSpec& g, const StateOptions&) {
    return {state_of(g.conv),
            {StateKind::matrix, Growth::constant, DType::f32, {g.value_heads, g.key_size, g.value_size}}};
}

} // namespace weft
