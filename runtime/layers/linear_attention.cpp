// SPDX-License-Identifier: Apache-2.0
#include "layers/linear_attention.hpp"
#include "kernels/combine.hpp"
#include "kernels/forget_gate.hpp"
#include "kernels/glu.hpp"
#include "kernels/linear_scan.hpp"
#include "kernels/norm.hpp"
#include "kernels/resize_heads.hpp"
#include "layers/context.hpp"
#include "layers/conv.hpp"
#include "layers/fields.hpp"
#include "layers/limits.hpp"
#include "layers/rotary.hpp"
#include "layers/work.hpp"

namespace weft::detail {
namespace {

using kernel::Activation;

constexpr float kSumEps = 1e-10f; // beside the sum of keys that normalized results are divided by

weft_LISTED(ForgetGate, 5);
void forget_fields(Fields& f, ForgetGate& g, uint64_t in, uint64_t keys) {
    if (!f.enter("forget", bool(g), true)) return;
    f.value("keys", g.keys, false);
    low_rank_fields(f, "of", g.of, in, keys, true);
    f.rule(g.keys != bool(g.of), "keys", "be true, or there must be something else that forgetting follows from");
    f.weight("lower_bound", g.lower_bound, {keys}, WeightUse::rare, WeightKind::vector);
    f.number("scale", g.scale, 1.0f, Reach::positive);
    f.number("least", g.least, 0.0f, Reach::finite);
    f.rule(g.least <= 0, "least", "not be above 0");
    f.leave();
}

// Heads of `x` f32 [T, H * K], each through the same map.
kernel::Tensor mapped(LayerContext& c, const Linear& map, const kernel::Tensor& x, uint32_t heads) {
    const uint32_t columns = x.columns(), size = columns / heads, rows = c.step.max_tokens * heads;
    const kernel::Tensor copy = c.rows(columns, "heads"), y = c.rows(columns, "features");
    kernel::combine(c.r, {.x = x, .y = copy});
    lower_product(c, map.weight,
                  {.x = copy.reshape({rows, size}),
                   .bias = c.weight(map.bias),
                   .y = y.reshape({rows, size}),
                   .gated = true,
                   .rows = {heads, kernel::Quantity::tokens},
                   .max_rows = rows});
    return y;
}

} // namespace

weft_LISTED(LinearAttentionSpec, 23); // with its states
void LinearAttentionSpec::fields(Fields& f, const Widths& w) {
    f.size("heads", heads);
    f.size("key_size", key_size, uint32_t(w.model / std::max(1u, heads)));
    f.size("value_size", value_size, key_size);
    const uint64_t keys = uint64_t(heads) * key_size, values = uint64_t(heads) * value_size;
    f.linear("qkv", qkv, w.input, 2 * keys + values);
    f.value("activation", activation, Activation::none);
    f.conv("conv", conv, 2 * keys + values, true);
    f.value("feature", feature, Activation::none);
    f.linear("q_map", q_map, key_size, uint64_t(2) * key_size, true);
    f.linear("k_map", k_map, key_size, uint64_t(2) * key_size, true);
    f.rule(bool(q_map) == bool(k_map), "k_map", "be there with q_map, and only then");
    f.rope("rope", rope, key_size);
    f.rule(rope.axes == 1, "rope.axes", "be 1");
    f.rule(rope.kind == RopeKind::none || !q_map, "rope", "not be there with maps");
    f.norm("q_norm", q_norm, key_size);
    f.norm("k_norm", k_norm, key_size);
    f.weight("decay", decay, {heads}, WeightUse::rare, WeightKind::decay);
    forget_fields(f, forget, w.input, keys);
    f.rule(decay == kNoWeight || !forget, "decay", "not be there with forget");
    f.rule(!forget.keys || !(q_map || k_norm || rope.kind != RopeKind::none), "forget.keys",
           "not be true where keys are made of others");
    f.number("scale", scale, 1.0f, Reach::positive);
    f.value("normalize", normalize, false);
    f.value("norm_heads", norm_heads, false);
    f.norm("norm", norm, norm_heads ? value_size : values);
    f.linear("gate", gate, w.input, values, true);
    f.value("gate_activation", gate_activation, Activation::sigmoid);
    f.linear("out", out, values, w.model);
}

void LinearAttentionSpec::states(States& s) {
    if (conv) s.declare(window, window_of(conv));
    s.declare(state, {.name = "matrix state", .shape = {heads, key_size, value_size + normalize}});
}

void LinearAttentionSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const uint32_t keys = heads * key_size, values = heads * value_size;
    kernel::Tensor all = c.rows(qkv.out, "q, k, v"), y = c.rows(values, "scanned");
    lower_linear(c, qkv, x, {all}, activation);
    if (conv) {
        const kernel::Tensor convolved = c.rows(qkv.out, "convolved");
        lower_conv(c, conv, window, all, convolved);
        all = convolved;
    }
    kernel::Tensor q = all.slice_columns(0, keys), k = all.slice_columns(keys, keys),
                   v = all.slice_columns(2 * keys, values);
    if (feature != Activation::none) {
        const kernel::Tensor activated = all.slice_columns(0, forget.keys ? keys : 2 * keys);
        kernel::glu(c.r, {.a = activated, .y = activated, .activation = feature});
    }
    if (q_map) {
        q = mapped(c, q_map, q, heads);
        k = mapped(c, k_map, k, heads);
    }
    if (rope.kind != RopeKind::none) // heads of k stand behind those of q
        kernel::qkv_append(c.r, {.step = c.step,
                                 .q = all.slice_columns(0, 2 * keys),
                                 .heads = 2 * heads,
                                 .head_size = key_size,
                                 .rotary = rotary_of(c, rope)});
    if (q_norm) lower_norm(c, q_norm, q, q, 1, key_size);
    if (k_norm) lower_norm(c, k_norm, k, k, 1, key_size);
    kernel::Tensor decays = c.weight(decay);
    if (forget) {
        decays = c.rows(keys, "decays");
        if (forget.of) lower_low_rank(c, forget.of, x, Activation::none, {decays}, Activation::none);
        kernel::forget_gate(c.r, {.z = forget.of ? decays : k,
                                  .lower_bound = c.weight(forget.lower_bound),
                                  .g = decays,
                                  .k = forget.keys ? k : kernel::Tensor{},
                                  .scale = forget.scale,
                                  .least = forget.least < 0 ? forget.least : kernel::kNoLeast});
    }
    kernel::Tensor scanned = y;
    if (normalize) { // a channel of ones is a value whose state is the sum of the keys
        const kernel::Tensor with_ones = c.rows(values + heads, "values and ones");
        kernel::resize_heads(c.r, {.x = v, .y = with_ones, .heads = heads, .fill = 1});
        v = with_ones;
        scanned = c.rows(values + heads, "scanned, and sums");
    }
    kernel::linear_scan(c.r, {.step = c.step,
                              .q = q,
                              .k = k,
                              .v = v,
                              .decay = decays,
                              .y = scanned,
                              .state = c.state(state),
                              .decay_of = forget               ? kernel::DecayOf::channel
                                          : decay == kNoWeight ? kernel::DecayOf::none
                                                               : kernel::DecayOf::head,
                              .scale = scale});
    if (normalize) kernel::resize_heads(c.r, {.x = scanned, .y = y, .heads = heads, .divides = true, .eps = kSumEps});
    kernel::Tensor gates;
    if (gate) {
        gates = c.rows(values, "gate");
        lower_linear(c, gate, x, {gates});
    }
    if (norm)
        kernel::norm(c.r, {.x = y,
                           .weight = c.weight(norm.weight),
                           .bias = c.weight(norm.bias),
                           .gate = gates,
                           .y = y,
                           .kind = norm.kind,
                           .gate_at = gate ? kernel::Gate::after : kernel::Gate::none,
                           .gate_activation = gate_activation,
                           .width = norm_heads ? value_size : 0,
                           .eps = norm.eps});
    else if (gate) kernel::glu(c.r, {.a = gates, .b = y, .y = y, .activation = gate_activation});
    lower_linear(c, out, y, to);
}

void LinearAttentionSpec::work(WorkCounter& w) const {
    const uint64_t elements = uint64_t(heads) * key_size * (value_size + normalize);
    // Decay, outer product and sum, and what q reads.
    uint64_t bytes = 4 * elements, operations = 5 * elements;
    if (conv) {
        bytes += bytes_of_window(conv);
        operations += operations_of(conv);
    }
    w.recurrence(bytes, operations);
    for (const Linear* map : {&q_map, &k_map}) // each head of each token
        if (*map) w.matrices_of(map->weight, 1, 1, w.step.tokens() * heads);
}

void LinearAttentionSpec::limits(Limits& l) const {
    if (conv) check_conv(conv, l);
    l.range("the size of a key", key_size, 1, 256); // of linear_scan
    if (rope.kind != RopeKind::none && key_size % 4) // of qkv_append
        l.add("the size of a key is " + std::to_string(key_size) + "; weft takes multiples of 4 with rotary positions");
}

std::string LinearAttentionSpec::words() const {
    return std::to_string(heads) + " heads, keys of " + std::to_string(key_size) + ", values of " +
           std::to_string(value_size) +
           (forget               ? ", forgetting by channels"
            : decay == kNoWeight ? ""
                                 : ", decaying") +
           (normalize ? ", normalized" : "") + (gate ? ", gated" : "");
}

weft_OP(LinearAttentionSpec);

} // namespace weft::detail
