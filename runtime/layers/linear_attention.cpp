// SPDX-License-Identifier: Apache-2.0
#include "layers/linear_attention.hpp"
#include "kernels/combine.hpp"
#include "kernels/linear_scan.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/limits.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(LinearAttentionSpec, 11); // with its state
void LinearAttentionSpec::fields(Fields& f, const Widths& w) {
    f.size("heads", heads);
    f.size("key_size", key_size, uint32_t(w.model / std::max(1u, heads)));
    f.size("value_size", value_size, key_size);
    const uint64_t keys = uint64_t(heads) * key_size, values = uint64_t(heads) * value_size;
    f.linear("qkv", qkv, w.input, 2 * keys + values);
    f.value("activation", activation, kernel::Activation::none);
    f.weight("decay", decay, {heads}, WeightUse::rare, WeightKind::decay);
    f.number("scale", scale, 1.0f, Reach::positive);
    f.norm("norm", norm, values);
    f.linear("gate", gate, w.input, values, true);
    f.linear("out", out, values, w.model);
}

void LinearAttentionSpec::states(States& s) {
    s.declare(state, {.name = "matrix state", .shape = {heads, key_size, value_size}});
}

void LinearAttentionSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const uint32_t keys = heads * key_size, values = heads * value_size;
    const kernel::Tensor all = c.rows(qkv.out, "q, k, v"), y = c.rows(values, "scanned");
    lower_linear(c, qkv, x, {all}, activation);
    kernel::linear_scan(c.r, {.step = c.step,
                              .q = all.slice_columns(0, keys),
                              .k = all.slice_columns(keys, keys),
                              .v = all.slice_columns(2 * keys, values),
                              .decay = c.weight(decay),
                              .y = y,
                              .state = c.state(state),
                              .decay_of = decay == kNoWeight ? kernel::DecayOf::none : kernel::DecayOf::head,
                              .scale = scale});
    if (norm) lower_norm(c, norm, y, y);
    if (gate) {
        const kernel::Tensor gates = c.rows(values, "gate");
        lower_linear(c, gate, x, {gates});
        kernel::combine(c.r, {.z = y, .gate = gates, .y = y});
    }
    lower_linear(c, out, y, to);
}

void LinearAttentionSpec::work(WorkCounter& w) const {
    const uint64_t elements = uint64_t(heads) * key_size * value_size;
    w.recurrence(4 * elements, 5 * elements); // decay, outer product and sum, and what q reads
}

void LinearAttentionSpec::limits(Limits& l) const {
    l.range("the size of a key", key_size, 1, 256); // of linear_scan
    l.range("the size of a value", value_size, 1, 256);
}

std::string LinearAttentionSpec::words() const {
    return std::to_string(heads) + " heads, keys of " + std::to_string(key_size) + ", values of " +
           std::to_string(value_size) + (decay == kNoWeight ? "" : ", decaying") + (gate ? ", gated" : "");
}

weft_OP(LinearAttentionSpec);

} // namespace weft::detail
