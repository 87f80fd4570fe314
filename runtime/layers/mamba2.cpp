// SPDX-License-Identifier: Apache-2.0
#include "layers/mamba2.hpp"
#include "kernels/combine.hpp"
#include "kernels/glu.hpp"
#include "kernels/norm.hpp"
#include "kernels/ssd.hpp"
#include "layers/context.hpp"
#include "layers/conv.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(Mamba2Spec, 18); // with its states
void Mamba2Spec::fields(Fields& f, const Widths& w) {
    f.size("head_size", head_size, 64u);
    f.size("heads", heads, uint32_t(2 * w.model / std::max(1u, head_size)));
    f.size("state_size", state_size, 128u);
    f.size("groups", groups, 1u);
    f.rule(heads % std::max(1u, groups) == 0, "groups", "divide heads");
    const uint64_t inner = uint64_t(heads) * head_size, bc = uint64_t(groups) * state_size,
                   rows = 2 * inner + 2 * bc + heads;
    f.linear("in", in, w.input, rows);
    f.weight("in_multipliers", in_multipliers, {rows}, WeightUse::rare, WeightKind::vector);
    f.conv("conv", conv, inner + 2 * bc);
    f.weight("dt_bias", dt_bias, {heads}, WeightUse::usual, WeightKind::vector);
    f.weight("a", a, {heads}, WeightUse::always, WeightKind::decay);
    f.weight("d", d, {heads}, WeightUse::usual, WeightKind::vector);
    f.number("dt_min", dt_min, 0.0f, Reach::finite);
    f.number("dt_max", dt_max, 3.4e38f, Reach::bound);
    f.rule(dt_min <= dt_max, "dt_max", "not be below dt_min");
    f.norm("norm", norm, inner);
    f.value("gate_first", gate_first, true);
    f.size("norm_groups", norm_groups, groups);
    f.rule(inner % std::max(1u, norm_groups) == 0, "norm_groups", "divide the channels of all heads");
    f.linear("out", out, inner, w.model);
}

void Mamba2Spec::states(States& s) {
    s.declare(window, window_of(conv));
    s.declare(state, {.name = "matrix state", .shape = {heads, head_size, state_size}});
}

void Mamba2Spec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const uint32_t inner = heads * head_size, bc = groups * state_size;
    const kernel::Tensor all = c.rows(in.out, "z, x, B, C, dt"), convolved = c.rows(inner + 2 * bc, "convolved"),
                         y = c.rows(inner, "scanned");
    lower_linear(c, in, x, {all});
    if (in_multipliers != kNoWeight) kernel::combine(c.r, {.x = all, .multiplier = c.weight(in_multipliers), .y = all});
    const kernel::Tensor z = all.slice_columns(0, inner);
    lower_conv(c, conv, window, all.slice_columns(inner, inner + 2 * bc), convolved);
    kernel::ssd(c.r, {.step = c.step,
                      .x = convolved.slice_columns(0, inner),
                      .b = convolved.slice_columns(inner, bc),
                      .c = convolved.slice_columns(inner + bc, bc),
                      .dt = all.slice_columns(2 * inner + 2 * bc, heads),
                      .dt_bias = c.weight(dt_bias),
                      .a = c.weight(a),
                      .d = c.weight(d),
                      .y = y,
                      .state = c.state(state),
                      .dt_min = dt_min,
                      .dt_max = dt_max});
    if (norm)
        kernel::norm(c.r, {.x = y,
                           .weight = c.weight(norm.weight),
                           .bias = c.weight(norm.bias),
                           .gate = z,
                           .y = y,
                           .kind = norm.kind,
                           .gate_at = gate_first ? kernel::Gate::before : kernel::Gate::after,
                           .width = inner / norm_groups,
                           .eps = norm.eps});
    else kernel::glu(c.r, {.a = z, .b = y, .y = y});
    lower_linear(c, out, y, to);
}

void Mamba2Spec::work(WorkCounter& w) const {
    const uint64_t elements = uint64_t(heads) * head_size * state_size;
    w.recurrence(4 * elements + bytes_of_window(conv), 5 * elements + operations_of(conv));
}

void Mamba2Spec::limits(Limits& l) const {
    check_conv(conv, l);
    l.range("the size of a state", state_size, 1, 256); // of ssd
}

std::string Mamba2Spec::words() const {
    return std::to_string(heads) + " heads of " + std::to_string(head_size) + ", state " + std::to_string(state_size) +
           ", " + std::to_string(groups) + (groups == 1 ? " group" : " groups");
}

weft_OP(Mamba2Spec);

} // namespace weft::detail
