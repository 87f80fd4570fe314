// SPDX-License-Identifier: Apache-2.0
#include "layers/rwkv7.hpp"
#include "kernels/combine.hpp"
#include "kernels/token_shift.hpp"
#include "kernels/wkv7.hpp"
#include "kernels/wkv7_finish.hpp"
#include "kernels/wkv7_prepare.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/limits.hpp"
#include "layers/work.hpp"

namespace weft::detail {
namespace {

using kernel::Activation;

constexpr float kDecay = -0.60653066f; // -e^-1/2: no channel forgets faster than to e^(-e^-1/2) a token

} // namespace

weft_LISTED(Rwkv7Spec, 19); // with its states
void Rwkv7Spec::fields(Fields& f, const Widths& w) {
    f.rule(w.input == 2 * w.model, "join", "be columns, of the residual stream and the first layer's values");
    f.size("heads", heads);
    f.size("key_size", key_size, uint32_t(w.model / std::max(1u, heads)));
    f.size("value_size", value_size, key_size);
    const uint64_t keys = uint64_t(heads) * key_size, values = uint64_t(heads) * value_size;
    f.rule(values == w.model, "value_size", "fill the width of the model with all heads");
    f.norm("norm", norm, w.model);
    f.linear("value", value, w.model, values, true);
    f.weight("mix", mix, {(value ? 6 : 5) * w.model}, WeightUse::always, WeightKind::vector);
    f.linear("receptance", receptance, w.model, keys);
    f.linear("key", key, w.model, keys);
    low_rank_fields(f, "decay", decay, w.model, keys);
    low_rank_fields(f, "rate", rate, w.model, keys);
    low_rank_fields(f, "gate", gate, w.model, values);
    low_rank_fields(f, "value_gate", value_gate, w.model, values, true);
    f.rule(bool(value) == bool(value_gate), "value_gate", "be there with value, and only then");
    f.weight("k_k", k_k, {keys}, WeightUse::always, WeightKind::vector);
    f.weight("k_a", k_a, {keys}, WeightUse::always, WeightKind::vector);
    f.weight("r_k", r_k, {keys}, WeightUse::always, WeightKind::vector);
    f.norm("head_norm", head_norm, values, false);
    f.rule(head_norm.kind == kernel::NormKind::layer && head_norm.bias != kNoWeight, "head_norm",
           "be of the kind layer, with a weight and a bias");
    f.linear("out", out, values, w.model);
}

void Rwkv7Spec::states(States& s) {
    s.declare(last, {.name = "last token", .shape = {receptance.in}});
    s.declare(state, {.name = "matrix state", .shape = {heads, key_size, value_size}});
}

void Rwkv7Spec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const uint32_t width = receptance.in, keys = heads * key_size, values = heads * value_size;
    const kernel::Tensor first_values = x.slice_columns(width, values);
    kernel::Tensor input = x.slice_columns(0, width);
    if (norm) {
        const kernel::Tensor normed = c.rows(width, "normed");
        lower_norm(c, norm, input, normed);
        input = normed;
    }
    const kernel::Tensor mixed = c.rows((value ? 6 : 5) * width, "shifted");
    kernel::token_shift(c.r, {.step = c.step, .x = input, .mix = c.weight(mix), .y = mixed, .state = c.state(last)});
    uint32_t next_input = 0, next_row = 0;
    const auto shifted = [&] { return mixed.slice_columns(next_input++ * width, width); };
    const kernel::Tensor all = c.rows(5 * keys + values, "r, w, k, v, b, a");
    const auto columns = [&](uint32_t count) {
        next_row += count;
        return all.slice_columns(next_row - count, count);
    };
    const kernel::Tensor r = columns(keys), w = columns(keys), k = columns(keys), v = columns(values),
                         b = columns(keys), a = columns(keys), gates = c.rows(values, "gate"),
                         y = c.rows(values, "delta rule");
    kernel::Tensor drawn; // how far values are drawn to those of the first layer
    lower_linear(c, receptance, shifted(), {r});
    lower_low_rank(c, decay, shifted(), Activation::tanh, {w, {}, kDecay}, Activation::sigmoid);
    lower_linear(c, key, shifted(), {k});
    if (value) {
        const kernel::Tensor of_value = shifted();
        drawn = c.rows(values, "value gate");
        lower_linear(c, value, of_value, {v});
        lower_low_rank(c, value_gate, of_value, Activation::none, {drawn}, Activation::sigmoid);
    } else kernel::combine(c.r, {.x = first_values, .y = v});
    lower_low_rank(c, rate, shifted(), Activation::none, {b}, Activation::sigmoid);
    lower_low_rank(c, gate, shifted(), Activation::sigmoid, {gates}, Activation::none);
    const auto with_value = [&](const kernel::Tensor& t) { return value ? t : kernel::Tensor{}; };
    kernel::wkv7_prepare(c.r, {.k = k,
                               .rate = b,
                               .a = a,
                               .v = with_value(v),
                               .v_first = with_value(first_values),
                               .gate = drawn,
                               .k_k = c.weight(k_k),
                               .k_a = c.weight(k_a),
                               .heads = heads});
    kernel::wkv7(c.r,
                 {.step = c.step, .r = r, .w = w, .k = k, .v = v, .a = a, .b = b, .y = y, .state = c.state(state)});
    kernel::wkv7_finish(c.r, {.y = y,
                              .r = r,
                              .k = k,
                              .v = v,
                              .gate = gates,
                              .r_k = c.weight(r_k),
                              .weight = c.weight(head_norm.weight),
                              .bias = c.weight(head_norm.bias),
                              .heads = heads,
                              .eps = head_norm.eps});
    lower_linear(c, out, y, to);
}

void Rwkv7Spec::work(WorkCounter& w) const {
    const uint64_t elements = uint64_t(heads) * key_size * value_size;
    // Decay, two outer products and their sums, and what a and r read.
    w.recurrence(4 * (elements + receptance.in), 9 * elements);
}

void Rwkv7Spec::limits(Limits& l) const {
    l.range("the size of a key", key_size, 1, 128); // of wkv7
}

std::string Rwkv7Spec::words() const {
    return std::to_string(heads) + " heads, keys of " + std::to_string(key_size) + ", values of " +
           std::to_string(value_size) + (value ? "" : ", values of the stream");
}

weft_OP(Rwkv7Spec);

} // namespace weft::detail
