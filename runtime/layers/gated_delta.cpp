// SPDX-License-Identifier: Apache-2.0
#include "layers/gated_delta.hpp"
#include "kernels/gated_delta.hpp"
#include "kernels/glu.hpp"
#include "kernels/norm.hpp"
#include "layers/context.hpp"
#include "layers/conv.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(GatedDeltaSpec, 19); // with its states
void GatedDeltaSpec::fields(Fields& f, const Widths& w) {
    f.size("key_heads", key_heads);
    f.size("value_heads", value_heads, key_heads);
    f.rule(value_heads % std::max(1u, key_heads) == 0, "key_heads", "divide value_heads");
    f.value("tiled", tiled, false);
    f.size("key_size", key_size, 128u);
    f.size("value_size", value_size, key_size);
    const uint64_t keys = uint64_t(key_heads) * key_size, values = uint64_t(value_heads) * value_size;
    f.value("gated", gated, true);
    f.value("decays", decays, true);
    f.linear("in", in, w.input, 2 * keys + values + (gated ? values : 0) + uint64_t(value_heads) * (decays ? 2 : 1));
    f.conv("conv", conv, 2 * keys + values, true);
    f.value("key_activation", key_activation, kernel::Activation::none);
    f.value("value_activation", value_activation, kernel::Activation::none);
    f.norm("key_norm", key_norm, key_size);
    if (decays) {
        f.weight("dt_bias", dt_bias, {value_heads}, WeightUse::usual, WeightKind::vector);
        f.weight("a", a, {value_heads}, WeightUse::always, WeightKind::decay);
    }
    f.number("beta_scale", beta_scale, 1.0f, Reach::finite);
    f.norm("norm", norm, value_size, false);
    f.linear("out", out, values, w.model);
}

void GatedDeltaSpec::states(States& s) {
    if (conv) s.declare(window, window_of(conv));
    s.declare(state, {.name = "matrix state", .shape = {value_heads, key_size, value_size}});
}

void GatedDeltaSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const uint32_t keys = key_heads * key_size, values = value_heads * value_size, mixed = 2 * keys + values;
    const kernel::Tensor all = c.rows(in.out, "q, k, v, z, b, a"), y = c.rows(values, "delta rule");
    kernel::Tensor qkv = all.slice_columns(0, mixed);
    lower_linear(c, in, x, {all});
    if (conv) {
        const kernel::Tensor convolved = c.rows(mixed, "convolved");
        lower_conv(c, conv, window, qkv, convolved);
        qkv = convolved;
    }
    const auto activate = [&](kernel::Activation activation, uint32_t first, uint32_t count) {
        const kernel::Tensor part = qkv.slice_columns(first, count);
        if (activation != kernel::Activation::none) kernel::glu(c.r, {.a = part, .y = part, .activation = activation});
    };
    if (key_activation == value_activation) activate(key_activation, 0, mixed);
    else {
        activate(key_activation, 0, 2 * keys);
        activate(value_activation, 2 * keys, values);
    }
    if (key_norm) lower_norm(c, key_norm, qkv.slice_columns(0, 2 * keys), qkv.slice_columns(0, 2 * keys), 1, key_size);
    const uint32_t b = mixed + (gated ? values : 0);
    kernel::gated_delta(c.r, {.step = c.step,
                              .q = qkv.slice_columns(0, keys),
                              .k = qkv.slice_columns(keys, keys),
                              .v = qkv.slice_columns(2 * keys, values),
                              .b = all.slice_columns(b, value_heads),
                              .a = decays ? all.slice_columns(b + value_heads, value_heads) : kernel::Tensor{},
                              .dt_bias = c.weight(dt_bias),
                              .a_head = c.weight(a),
                              .y = y,
                              .state = c.state(state),
                              .beta_scale = beta_scale,
                              .decay = decays,
                              .tiled = tiled,
                              .l2 = !key_norm});
    kernel::norm(c.r, {.x = y,
                       .weight = c.weight(norm.weight),
                       .bias = c.weight(norm.bias),
                       .gate = gated ? all.slice_columns(mixed, values) : kernel::Tensor{},
                       .y = y,
                       .kind = norm.kind,
                       .gate_at = gated ? kernel::Gate::after : kernel::Gate::none,
                       .width = value_size,
                       .eps = norm.eps});
    lower_linear(c, out, y, to);
}

void GatedDeltaSpec::work(WorkCounter& w) const {
    const uint64_t elements = uint64_t(value_heads) * key_size * value_size;
    if (!conv) return w.recurrence(4 * elements, 7 * elements);
    w.recurrence(4 * elements + bytes_of_window(conv), 7 * elements + operations_of(conv));
}

void GatedDeltaSpec::limits(Limits& l) const {
    if (conv) check_conv(conv, l);
    l.range("the size of a key head", key_size, 1, 256); // of gated_delta
}

std::string GatedDeltaSpec::words() const {
    return std::to_string(value_heads) + " heads, keys " + std::to_string(key_size) + ", values " +
           std::to_string(value_size) + (decays ? "" : ", no decay");
}

weft_OP(GatedDeltaSpec);

} // namespace weft::detail
