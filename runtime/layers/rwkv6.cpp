// SPDX-License-Identifier: Apache-2.0
#include "layers/rwkv6.hpp"
#include "kernels/linear_scan.hpp"
#include "kernels/norm.hpp"
#include "kernels/token_shift.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/limits.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(Rwkv6Spec, 16); // with its states
void Rwkv6Spec::fields(Fields& f, const Widths& w) {
    f.rule(w.input == w.model, "read", "name a stream as wide as the one that is written");
    f.size("heads", heads);
    f.size("key_size", key_size, uint32_t(w.model / std::max(1u, heads)));
    f.size("value_size", value_size, key_size);
    const uint64_t keys = uint64_t(heads) * key_size, values = uint64_t(heads) * value_size;
    f.weight("mix", mix, {w.input}, WeightUse::always, WeightKind::vector);
    uint32_t rank = mix_down.out / 5;
    f.size("mix_rank", rank);
    f.linear("mix_down", mix_down, w.input, uint64_t(5) * rank);
    const char* const names[] = {"mix_decay", "mix_key", "mix_value", "mix_receptance", "mix_gate"};
    for (size_t i = 0; i < 5; ++i) f.linear(names[i], mix_up[i], rank, w.input);
    f.linear("receptance", receptance, w.input, keys);
    low_rank_fields(f, "decay", decay, w.input, keys);
    f.linear("key", key, w.input, keys);
    f.linear("value", value, w.input, values);
    f.linear("gate", gate, w.input, values);
    f.weight("bonus", bonus, {keys}, WeightUse::always, WeightKind::vector);
    f.norm("head_norm", head_norm, values, false);
    f.rule(head_norm.kind == kernel::NormKind::layer, "head_norm", "be of the kind layer");
    f.linear("out", out, values, w.model);
}

void Rwkv6Spec::states(States& s) {
    s.declare(last, {.name = "last token", .shape = {mix_down.in}});
    s.declare(state, {.name = "matrix state", .shape = {heads, key_size, value_size}});
}

void Rwkv6Spec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    using kernel::Activation;
    const uint32_t width = mix_down.in, rank = mix_up[0].in, keys = heads * key_size, values = heads * value_size;
    const kernel::Tensor once = c.rows(width, "shifted once"), low = c.rows(5 * rank, "low rank"),
                         mixes = c.rows(5 * width, "proportions"), shifted = c.rows(5 * width, "shifted");
    kernel::TokenShiftArgs shift{
        .step = c.step, .x = x, .mix = c.weight(mix), .y = once, .state = c.state(last), .moves_on = false};
    kernel::token_shift(c.r, shift);
    lower_linear(c, mix_down, once, {low}, Activation::tanh);
    for (uint32_t i = 0; i < 5; ++i)
        lower_linear(c, mix_up[i], low.slice_columns(i * rank, rank), {mixes.slice_columns(i * width, width)});
    shift.mix = mixes;
    shift.y = shifted;
    shift.own_mixes = shift.moves_on = true;
    kernel::token_shift(c.r, shift);
    const auto mixed = [&](uint32_t i) { return shifted.slice_columns(i * width, width); };
    const kernel::Tensor w = c.rows(keys, "decays"), k = c.rows(keys, "k"), v = c.rows(values, "v"),
                         r = c.rows(keys, "r"), gates = c.rows(values, "gate"), y = c.rows(values, "scanned");
    lower_low_rank(c, decay, mixed(0), Activation::tanh, {w, {}, -1}, Activation::exp);
    lower_linear(c, key, mixed(1), {k});
    lower_linear(c, value, mixed(2), {v});
    lower_linear(c, receptance, mixed(3), {r});
    lower_linear(c, gate, mixed(4), {gates});
    kernel::linear_scan(c.r, {.step = c.step,
                              .q = r,
                              .k = k,
                              .v = v,
                              .decay = w,
                              .bonus = c.weight(bonus),
                              .y = y,
                              .state = c.state(state),
                              .decay_of = kernel::DecayOf::channel,
                              .scale = 1});
    kernel::norm(c.r, {.x = y,
                       .weight = c.weight(head_norm.weight),
                       .bias = c.weight(head_norm.bias),
                       .gate = gates,
                       .y = y,
                       .kind = head_norm.kind,
                       .gate_at = kernel::Gate::after,
                       .width = value_size,
                       .eps = head_norm.eps});
    lower_linear(c, out, y, to);
}

void Rwkv6Spec::work(WorkCounter& w) const {
    const uint64_t elements = uint64_t(heads) * key_size * value_size;
    // Decay, outer product and its sum, the bonus, and what r reads.
    w.recurrence(4 * (elements + mix_down.in), 6 * elements);
}

void Rwkv6Spec::limits(Limits& l) const {
    l.range("the size of a key", key_size, 1, 256); // of linear_scan
}

std::string Rwkv6Spec::words() const {
    return std::to_string(heads) + " heads, keys of " + std::to_string(key_size) + ", values of " +
           std::to_string(value_size);
}

weft_OP(Rwkv6Spec);

} // namespace weft::detail
