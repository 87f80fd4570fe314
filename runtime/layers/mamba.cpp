// SPDX-License-Identifier: Apache-2.0
#include "layers/mamba.hpp"
#include "kernels/causal_conv.hpp"
#include "kernels/combine.hpp"
#include "kernels/glu.hpp"
#include "kernels/selective_scan.hpp"
#include "kernels/ssd.hpp"

namespace weft {

void lower_conv(LayerContext& c, const ConvSpec& conv, const kernel::Tensor& x, const kernel::Tensor& y) {
    using kernel::Activation;
    const bool inside = conv.activation == Activation::silu; // the one that the kernel has
    kernel::causal_conv(c.r, {.step = c.step,
                              .x = x,
                              .weight = c.weight(conv.weight),
                              .bias = c.weight(conv.bias),
                              .y = y,
                              .state = c.state(),
                              .activation = inside ? Activation::silu : Activation::none});
    if (!inside && conv.activation != Activation::none)
        kernel::glu(c.r, {.a = y, .y = y, .activation = conv.activation});
}

StateSpec state_of(const ConvSpec& conv) {
    return {StateKind::conv, Growth::constant, DType::f32, {conv.channels, conv.taps - 1}};
}

void lower(LayerContext& c, const Mamba1Spec& m, const kernel::Tensor& x, const Destination& to) {
    const kernel::Tensor xz = c.rows(2 * m.inner, "x, z"), conv = c.rows(m.inner, "convolved"),
                         dbc = c.rows(m.rank + 2 * m.state_size, "dt, B, C"), dt = c.rows(m.inner, "dt");
    lower_linear(c, m.in, x, {xz});
    lower_conv(c, m.conv, xz.slice_columns(0, m.inner), conv);
    lower_linear(c, m.x, conv, {dbc});
    const kernel::Tensor rank = dbc.slice_columns(0, m.rank), b = dbc.slice_columns(m.rank, m.state_size),
                         cc = dbc.slice_columns(m.rank + m.state_size, m.state_size);
    if (m.dt_norm) lower_norm(c, m.dt_norm, rank, rank);
    if (m.b_norm) lower_norm(c, m.b_norm, b, b);
    if (m.c_norm) lower_norm(c, m.c_norm, cc, cc);
    lower_linear(c, m.dt, rank, {dt});
    kernel::selective_scan(c.r, {.step = c.step,
                                 .x = conv,
                                 .dt = dt,
                                 .parameters = c.weight(m.parameters),
                                 .b = b,
                                 .c = cc,
                                 .z = xz.slice_columns(m.inner, m.inner),
                                 .y = conv,
                                 .state = c.state()});
    lower_linear(c, m.out, conv, to);
}

std::vector<StateSpec> states_of(const Mamba1Spec& m, const StateOptions&) {
    return {state_of(m.conv), {StateKind::selective, Growth::constant, DType::f32, {m.inner, m.state_size}}};
}

void lower(LayerContext& c, const Mamba2Spec& m, const kernel::Tensor& x, const Destination& to) {
    const uint32_t inner = m.heads * m.head_size, bc = m.groups * m.state_size;
    const kernel::Tensor all = c.rows(m.in.out, "z, x, B, C, dt"), conv = c.rows(inner + 2 * bc, "convolved"),
                         y = c.rows(inner, "scanned");
    lower_linear(c, m.in, x, {all});
    if (m.in_multipliers != kNoWeight)
        kernel::combine(c.r, {.x = all, .multiplier = c.weight(m.in_multipliers), .y = all});
    const kernel::Tensor z = all.slice_columns(0, inner);
    lower_conv(c, m.conv, all.slice_columns(inner, inner + 2 * bc), conv);
    kernel::ssd(c.r, {.step = c.step,
                      .x = conv.slice_columns(0, inner),
                      .b = conv.slice_columns(inner, bc),
                      .c = conv.slice_columns(inner + bc, bc),
                      .dt = all.slice_columns(2 * inner + 2 * bc, m.heads),
                      .dt_bias = c.weight(m.dt_bias),
                      .a = c.weight(m.a),
                      .d = c.weight(m.d),
                      .y = y,
                      .state = c.state(),
                      .dt_min = m.dt_min,
                      .dt_max = m.dt_max});
    if (m.norm)
        kernel::norm(c.r, {.x = y,
                           .weight = c.weight(m.norm.weight),
                           .gate = z,
                           .y = y,
                           .kind = m.norm.kind,
                           .gate_at = m.gate_first ? kernel::Gate::before : kernel::Gate::after,
                           .width = inner / m.norm_groups,
                           .eps = m.norm.eps});
    else kernel::glu(c.r, {.a = z, .b = y, .y = y});
    lower_linear(c, m.out, y, to);
}

std::vector<StateSpec> states_of(const Mamba2Spec& m, const StateOptions&) {
    return {state_of(m.conv), {StateKind::matrix, Growth::constant, DType::f32, {m.heads, m.head_size, m.state_size}}};
}

} // namespace weft
