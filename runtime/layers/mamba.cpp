// SPDX-License-Identifier: Apache-2.0
#include "layers/mamba.hpp"
#include "kernels/selective_scan.hpp"
#include "layers/context.hpp"
#include "layers/conv.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(MambaSpec, 14); // with its states
void MambaSpec::fields(Fields& f, const Widths& w) {
    f.size("inner", inner, uint32_t(2 * w.model));
    f.size("state_size", state_size, 16u);
    f.size("rank", rank, uint32_t((w.model + 15) / 16));
    f.linear("in", in, w.input, uint64_t(2) * inner);
    f.conv("conv", conv, inner);
    f.linear("x", x, inner, rank + uint64_t(2) * state_size);
    f.norm("dt_norm", dt_norm, rank);
    f.norm("b_norm", b_norm, state_size);
    f.norm("c_norm", c_norm, state_size);
    f.linear("dt", dt, rank, inner);
    f.weight("parameters", parameters, {inner * (uint64_t(state_size) + 2)}, WeightUse::always, WeightKind::decay);
    f.linear("out", out, inner, w.model);
}

void MambaSpec::states(States& s) {
    s.declare(window, window_of(conv));
    s.declare(state, {.name = "selective state", .shape = {inner, state_size}});
}

void MambaSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const kernel::Tensor xz = c.rows(2 * inner, "x, z"), convolved = c.rows(inner, "convolved"),
                         dbc = c.rows(rank + 2 * state_size, "dt, B, C"), step_size = c.rows(inner, "dt");
    lower_linear(c, in, x, {xz});
    lower_conv(c, conv, window, xz.slice_columns(0, inner), convolved);
    lower_linear(c, this->x, convolved, {dbc});
    const kernel::Tensor low_rank = dbc.slice_columns(0, rank), b = dbc.slice_columns(rank, state_size),
                         cc = dbc.slice_columns(rank + state_size, state_size);
    if (dt_norm) lower_norm(c, dt_norm, low_rank, low_rank);
    if (b_norm) lower_norm(c, b_norm, b, b);
    if (c_norm) lower_norm(c, c_norm, cc, cc);
    lower_linear(c, dt, low_rank, {step_size});
    kernel::selective_scan(c.r, {.step = c.step,
                                 .x = convolved,
                                 .dt = step_size,
                                 .parameters = c.weight(parameters),
                                 .b = b,
                                 .c = cc,
                                 .z = xz.slice_columns(inner, inner),
                                 .y = convolved,
                                 .state = c.state(state)});
    lower_linear(c, out, convolved, to);
}

// Operations as in the kernels' case tables, in the step form.
void MambaSpec::work(WorkCounter& w) const {
    const uint64_t elements = uint64_t(inner) * state_size;
    w.recurrence(4 * elements + bytes_of_window(conv), 7 * elements + operations_of(conv));
}

void MambaSpec::limits(Limits& l) const {
    check_conv(conv, l);
    l.range("the size of a state", state_size, 1, 256); // of selective_scan
}

std::string MambaSpec::words() const {
    return std::to_string(inner) + " channels, state " + std::to_string(state_size);
}

weft_OP(MambaSpec);

} // namespace weft::detail
