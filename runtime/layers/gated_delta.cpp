// SPDX-License-Identifier: Apache-2.0
#include "layers/gated_delta.hpp"
#include "kernels/gated_delta.hpp"
#include "kernels/norm.hpp"
#include "layers/context.hpp"
#include "layers/conv.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(GatedDeltaSpec, 14); // with its states
void GatedDeltaSpec::fields(Fields& f, const Widths& w) {
    f.size("key_heads", key_heads);
    f.size("value_heads", value_heads, key_heads);
    f.rule(value_heads % std::max(1u, key_heads) == 0, "key_heads", "divide value_heads");
    f.value("tiled", tiled, false);
    f.size("key_size", key_size, 128u);
    f.size("value_size", value_size, key_size);
    const uint64_t keys = uint64_t(key_heads) * key_size, values = uint64_t(value_heads) * value_size;
    f.linear("in", in, w.input, 2 * keys + 2 * values + uint64_t(2) * value_heads);
    f.conv("conv", conv, 2 * keys + values);
    f.weight("dt_bias", dt_bias, {value_heads}, WeightUse::usual, WeightKind::vector);
    f.weight("a", a, {value_heads}, WeightUse::always, WeightKind::decay);
    f.number("beta_scale", beta_scale, 1.0f, Reach::finite);
    f.norm("norm", norm, value_size, false);
    f.linear("out", out, values, w.model);
}

void GatedDeltaSpec::states(States& s) {
    s.declare(window, window_of(conv));
    s.declare(state, {.name = "matrix state", .shape = {value_heads, key_size, value_size}});
}

void GatedDeltaSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const uint32_t keys = key_heads * key_size, values = value_heads * value_size, mixed = 2 * keys + values;
    const kernel::Tensor all = c.rows(in.out, "q, k, v, z, b, a"), convolved = c.rows(mixed, "convolved"),
                         y = c.rows(values, "delta rule");
    lower_linear(c, in, x, {all});
    lower_conv(c, conv, window, all.slice_columns(0, mixed), convolved);
    kernel::gated_delta(c.r, {.step = c.step,
                              .q = convolved.slice_columns(0, keys),
                              .k = convolved.slice_columns(keys, keys),
                              .v = convolved.slice_columns(2 * keys, values),
                              .b = all.slice_columns(mixed + values, value_heads),
                              .a = all.slice_columns(mixed + values + value_heads, value_heads),
                              .dt_bias = c.weight(dt_bias),
                              .a_head = c.weight(a),
                              .y = y,
                              .state = c.state(state),
                              .beta_scale = beta_scale,
                              .tiled = tiled});
    kernel::norm(c.r, {.x = y,
                       .weight = c.weight(norm.weight),
                       .bias = c.weight(norm.bias),
                       .gate = all.slice_columns(mixed, values),
                       .y = y,
                       .kind = norm.kind,
                       .gate_at = kernel::Gate::after,
                       .width = value_size,
                       .eps = norm.eps});
    lower_linear(c, out, y, to);
}

void GatedDeltaSpec::work(WorkCounter& w) const {
    const uint64_t elements = uint64_t(value_heads) * key_size * value_size;
    w.recurrence(4 * elements + bytes_of_window(conv), 7 * elements + operations_of(conv));
}

void GatedDeltaSpec::limits(Limits& l) const {
    check_conv(conv, l);
    l.range("the size of a key head", key_size, 1, 256); // of gated_delta
}

std::string GatedDeltaSpec::words() const {
    return std::to_string(value_heads) + " heads, keys " + std::to_string(key_size) + ", values " +
           std::to_string(value_size);
}

weft_OP(GatedDeltaSpec);

} // namespace weft::detail
