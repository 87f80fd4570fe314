// SPDX-License-Identifier: Apache-2.0
// L4: the fields of a schedule and of every description in it, listed once, in the order in which they are written. A
// visitor reads them from JSON (schedule_read.cpp), writes them (schedule_write.cpp), hashes them (schedule_hash.cpp)
// or walks over their weights (weight_order.cpp). What a visitor offers:
//   size(key, x)                    a count from 1 that must be given
//   size(key, x, otherwise)         a count from 1
//   value(key, x, otherwise)        a bool, number, enum or string; left out where it is `otherwise`, which may follow
//   from fields before it derived(x, value)               follows from other fields, so it is never written rule(holds,
//   key, text)          what a file must obey: "key ... must TEXT" weight(key, id, shape, use, as) a weight slot
//   frequencies(rope)               the rotary frequencies: a base, or a table
//   enter(key, there, optional)     a nested object; if true, its fields and then leave()
//   list(key, items, each), op(op), layers(all, each)
#pragma once
#include "schedule/schedule.hpp"
#include <algorithm>
#include <cmath>
#include <concepts>
#include <span>

namespace weft {

/// `usual` is there unless the file says false, `rare` only if the file says so.
enum class WeightUse { always, usual, rare };
enum class WeightKind { matrix, vector, decay }; ///< decay: a vector of numbers below 0
using WeightShape = std::initializer_list<uint64_t>;

/// What sizes follow from: the width of the model and that of a sub-block's input.
struct Widths {
    uint64_t model = 0, input = 0;
};

template <class T, class U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

// Names of enumerators, in their order.
#define weft_ENUM_NAMES(type, last, ...)                                                                               \
    inline std::span<const char* const> names_of(type) {                                                               \
        static constexpr const char* names[] = {__VA_ARGS__};                                                          \
        static_assert(std::size(names) == size_t(last) + 1, "every enumerator needs a name");                          \
        return names;                                                                                                  \
    }
weft_ENUM_NAMES(kernel::Activation, kernel::Activation::tanh, "none", "silu", "gelu", "gelu_tanh", "relu", "relu2",
                "sigmoid", "quick_gelu", "tanh")
    weft_ENUM_NAMES(kernel::NormKind, kernel::NormKind::l2, "rms", "layer", "l2")
        weft_ENUM_NAMES(kernel::RouterScore, kernel::RouterScore::sqrt_softplus, "softmax", "sigmoid", "logit",
                        "sqrt_softplus") weft_ENUM_NAMES(kernel::RouterWeight, kernel::RouterWeight::sigmoid_of_chosen,
                                                         "score", "softmax_of_chosen", "sigmoid_of_chosen")
            weft_ENUM_NAMES(RopeKind, RopeKind::pairs, "none", "half", "pairs")
                weft_ENUM_NAMES(BlockInput, BlockInput::residual_plus_side, "residual", "residual_and_embedding",
                                "side", "residual_plus_side")
                    weft_ENUM_NAMES(BlockOutput, BlockOutput::side, "add_to_residual", "side")
                        weft_ENUM_NAMES(WeightTransform, WeightTransform::or_zeros, "none", "transpose", "add_one",
                                        "negative_exp", "or_zeros")

    /// What "op" says, in the order of Op.
    inline constexpr const char* kOpNames[] = {"attention", "mamba", "mamba2", "gated_delta", "mlp", "moe", "linear"};
static_assert(std::size(kOpNames) == std::variant_size_v<Op>, "every op needs a name and a list of fields");

// A field that is added to a description but not to its list below would be lost in files and hashes without a word:
// the number of members guards it. A member that is an array counts as its elements.
struct AnyMember {
    template <class T>
    operator T() const;
};
template <class T, class... Members>
constexpr size_t member_count() {
    if constexpr (requires { T{Members{}..., AnyMember{}}; }) return member_count<T, Members..., AnyMember>();
    else return sizeof...(Members);
}
#define weft_LISTED(type, count)                                                                                       \
    static_assert(member_count<type>() == count, "spec_fields.hpp must list every field of " #type)

weft_LISTED(Linear, 4);
template <class V, Is<Linear> L>
void linear(V& v, const char* key, L& l, uint64_t in, uint64_t out, bool optional = false) {
    if (!v.enter(key, bool(l), optional)) return;
    v.weight("weight", l.weight, {out, in}, WeightUse::always, WeightKind::matrix);
    v.weight("bias", l.bias, {out}, WeightUse::rare, WeightKind::vector);
    v.derived(l.in, in);
    v.derived(l.out, out);
    v.leave();
}

weft_LISTED(Norm, 5);
template <class V, Is<Norm> N>
void norm(V& v, const char* key, N& n, uint64_t width, bool optional = true) {
    if (!v.enter(key, n.present, optional)) return;
    v.derived(n.present, 1);
    v.value("kind", n.kind, kernel::NormKind::rms);
    v.value("eps", n.eps, 1e-6f);
    v.weight("weight", n.weight, {width}, WeightUse::usual, WeightKind::vector);
    v.weight("bias", n.bias, {width}, WeightUse::rare, WeightKind::vector);
    v.rule(n.bias == kNoWeight || n.weight != kNoWeight, "bias", "not be there without a weight");
    v.leave();
}

weft_LISTED(ConvSpec, 5);
template <class V, Is<ConvSpec> C>
void conv(V& v, const char* key, C& c, uint64_t channels) {
    if (!v.enter(key, true, false)) return;
    v.derived(c.channels, channels);
    v.size("taps", c.taps, 4u);
    v.value("activation", c.activation, kernel::Activation::silu);
    v.weight("weight", c.weight, {channels, c.taps}, WeightUse::always, WeightKind::vector);
    v.weight("bias", c.bias, {channels}, WeightUse::usual, WeightKind::vector);
    v.leave();
}

weft_LISTED(Rope, 8);
template <class V, Is<Rope> R>
void rope(V& v, const char* key, R& r, uint32_t head_size) {
    if (!v.enter(key, r.kind != RopeKind::none, true)) return;
    v.value("kind", r.kind, RopeKind::half);
    v.rule(r.kind != RopeKind::none, "kind", "be half or pairs; without a rope there are no positions");
    v.size("rotary", r.rotary, head_size / 2 * 2);
    v.rule(r.rotary % 2 == 0 && r.rotary <= head_size, "rotary", "be even and not larger than a head");
    v.value("long_table", r.long_table, false);
    v.value("factor", r.factor, 1.0f);
    v.value("long_factor", r.long_factor, 1.0f);
    v.value("ntk", r.ntk, 0.0f);
    v.value("original", r.original, 0u);
    v.rule(r.original || !(r.long_table || r.ntk != 0), "original", "be given with long_table or ntk");
    v.frequencies(r);
    v.leave();
}

weft_LISTED(AttentionSpec, 21);
template <class V, Is<AttentionSpec> A>
void fields(V& v, A& a, const Widths& w) {
    v.size("heads", a.heads);
    v.size("kv_heads", a.kv_heads, a.heads);
    v.rule(a.kv_heads && a.heads % a.kv_heads == 0, "kv_heads", "divide heads");
    v.size("head_size", a.head_size, uint32_t(w.model / std::max(1u, a.heads)));
    v.size("value_size", a.value_size, a.head_size);
    v.value("gate", a.gate, false);
    const uint64_t q = uint64_t(a.heads) * a.head_size, k = uint64_t(a.kv_heads) * a.head_size,
                   values = uint64_t(a.kv_heads) * a.value_size, result = uint64_t(a.heads) * a.value_size;
    linear(v, "qkv", a.qkv, w.input, q + k + values + (a.gate ? result : 0));
    uint32_t rank = a.adapter_down.out / 3;
    v.value("adapter_rank", rank, 0u);
    if (rank) {
        const char* const keys[] = {"adapter_q", "adapter_k", "adapter_v"};
        const uint64_t rows[] = {q, k, values};
        linear(v, "adapter_down", a.adapter_down, w.input, uint64_t(3) * rank);
        for (size_t i = 0; i < 3; ++i) linear(v, keys[i], a.adapter_up[i], rank, rows[i]);
    }
    v.value("norm_all_heads", a.norm_all_heads, false);
    norm(v, "q_norm", a.q_norm, a.norm_all_heads ? q : a.head_size);
    norm(v, "k_norm", a.k_norm, a.norm_all_heads ? k : a.head_size);
    rope(v, "rope", a.rope, a.head_size);
    v.value("scale", a.scale, float(1 / std::sqrt(double(a.head_size))));
    v.value("key_scale", a.key_scale, 1.0f);
    v.rule(a.key_scale == 1 || !a.k_norm || (a.q_norm && !a.norm_all_heads && a.head_size % 4 == 0), "key_scale",
           "be 1 where norms of k alone, over all heads, or of heads that are no multiple of 4, come behind it");
    v.value("window", a.window, 0u);
    v.value("chunk", a.chunk, 0u);
    v.value("softcap", a.softcap, 0.0f);
    v.weight("sinks", a.sinks, {a.heads}, WeightUse::rare, WeightKind::vector);
    linear(v, "out", a.out, result, w.model);
}

weft_LISTED(Mamba1Spec, 12);
template <class V, Is<Mamba1Spec> M>
void fields(V& v, M& m, const Widths& w) {
    v.size("inner", m.inner, uint32_t(2 * w.model));
    v.size("state_size", m.state_size, 16u);
    v.size("rank", m.rank, uint32_t((w.model + 15) / 16));
    linear(v, "in", m.in, w.input, uint64_t(2) * m.inner);
    conv(v, "conv", m.conv, m.inner);
    linear(v, "x", m.x, m.inner, m.rank + uint64_t(2) * m.state_size);
    norm(v, "dt_norm", m.dt_norm, m.rank);
    norm(v, "b_norm", m.b_norm, m.state_size);
    norm(v, "c_norm", m.c_norm, m.state_size);
    linear(v, "dt", m.dt, m.rank, m.inner);
    v.weight("parameters", m.parameters, {m.inner * (uint64_t(m.state_size) + 2)}, WeightUse::always,
             WeightKind::decay);
    linear(v, "out", m.out, m.inner, w.model);
}

weft_LISTED(Mamba2Spec, 16);
template <class V, Is<Mamba2Spec> M>
void fields(V& v, M& m, const Widths& w) {
    v.size("head_size", m.head_size, 64u);
    v.size("heads", m.heads, uint32_t(2 * w.model / std::max(1u, m.head_size)));
    v.size("state_size", m.state_size, 128u);
    v.size("groups", m.groups, 1u);
    v.rule(m.heads % std::max(1u, m.groups) == 0, "groups", "divide heads");
    const uint64_t inner = uint64_t(m.heads) * m.head_size, bc = uint64_t(m.groups) * m.state_size,
                   rows = 2 * inner + 2 * bc + m.heads;
    linear(v, "in", m.in, w.input, rows);
    v.weight("in_multipliers", m.in_multipliers, {rows}, WeightUse::rare, WeightKind::vector);
    conv(v, "conv", m.conv, inner + 2 * bc);
    v.weight("dt_bias", m.dt_bias, {m.heads}, WeightUse::usual, WeightKind::vector);
    v.weight("a", m.a, {m.heads}, WeightUse::always, WeightKind::decay);
    v.weight("d", m.d, {m.heads}, WeightUse::usual, WeightKind::vector);
    v.value("dt_min", m.dt_min, 0.0f);
    v.value("dt_max", m.dt_max, 3.4e38f);
    norm(v, "norm", m.norm, inner);
    v.value("gate_first", m.gate_first, true);
    v.size("norm_groups", m.norm_groups, m.groups);
    v.rule(inner % std::max(1u, m.norm_groups) == 0, "norm_groups", "divide the channels of all heads");
    linear(v, "out", m.out, inner, w.model);
}

weft_LISTED(GatedDeltaSpec, 11);
template <class V, Is<GatedDeltaSpec> G>
void fields(V& v, G& g, const Widths& w) {
    v.size("key_heads", g.key_heads);
    v.size("value_heads", g.value_heads, g.key_heads);
    v.rule(g.value_heads % std::max(1u, g.key_heads) == 0, "key_heads", "divide value_heads");
    v.size("key_size", g.key_size, 128u);
    v.size("value_size", g.value_size, g.key_size);
    const uint64_t keys = uint64_t(g.key_heads) * g.key_size, values = uint64_t(g.value_heads) * g.value_size;
    linear(v, "in", g.in, w.input, 2 * keys + 2 * values + uint64_t(2) * g.value_heads);
    conv(v, "conv", g.conv, 2 * keys + values);
    v.weight("dt_bias", g.dt_bias, {g.value_heads}, WeightUse::usual, WeightKind::vector);
    v.weight("a", g.a, {g.value_heads}, WeightUse::always, WeightKind::decay);
    v.value("beta_scale", g.beta_scale, 1.0f);
    norm(v, "norm", g.norm, g.value_size, false);
    linear(v, "out", g.out, values, w.model);
}

weft_LISTED(MlpSpec, 8);
template <class V, Is<MlpSpec> M>
void fields(V& v, M& m, const Widths& w) {
    v.size("inner", m.inner);
    v.value("gated", m.gated, true);
    v.value("activation", m.activation, kernel::Activation::silu);
    v.value("gate_scale", m.gate_scale, 1.0f);
    const uint64_t rows = (m.gated ? 2 : 1) * uint64_t(m.inner);
    linear(v, "in", m.in, w.input, rows);
    uint32_t rank = m.adapter_down.out;
    v.value("adapter_rank", rank, 0u);
    v.rule(m.gated || (m.gate_scale == 1 && !rank), "gated", "be true with gate_scale or adapter_rank");
    if (rank) {
        linear(v, "adapter_down", m.adapter_down, w.input, rank);
        linear(v, "adapter_up", m.adapter_up, rank, rows);
    }
    linear(v, "out", m.out, m.inner, w.model);
}

weft_LISTED(MoeSpec, 20);
template <class V, Is<MoeSpec> M>
void fields(V& v, M& m, const Widths& w) {
    v.rule(w.input == w.model, "op", "not be moe where the input is wider than the model");
    v.size("experts", m.experts);
    v.size("chosen", m.chosen);
    v.size("inner", m.inner);
    v.value("activation", m.activation, kernel::Activation::silu);
    v.value("score", m.score, kernel::RouterScore::softmax);
    v.value("weight", m.weight, kernel::RouterWeight::score);
    v.size("groups", m.groups, 1u);
    v.size("kept_groups", m.kept_groups, 1u);
    v.rule(m.experts % std::max(1u, m.groups) == 0, "groups", "divide experts");
    v.rule(m.kept_groups <= m.groups && uint64_t(m.experts) / std::max(1u, m.groups) * m.kept_groups >= m.chosen,
           "kept_groups", "be at most groups, and hold as many experts as are chosen");
    v.value("renormalise", m.renormalise, false);
    v.value("scale", m.scale, 1.0f);
    linear(v, "router", m.router, w.input, m.experts);
    v.weight("choice_bias", m.choice_bias, {m.experts}, WeightUse::rare, WeightKind::vector);
    v.weight("gate_up", m.gate_up, {m.experts, uint64_t(2) * m.inner, w.input}, WeightUse::always, WeightKind::matrix);
    v.weight("down", m.down, {m.experts, w.model, m.inner}, WeightUse::always, WeightKind::matrix);
    v.weight("gate_up_bias", m.gate_up_bias, {m.experts, uint64_t(2) * m.inner}, WeightUse::rare, WeightKind::vector);
    v.weight("down_bias", m.down_bias, {m.experts, w.model}, WeightUse::rare, WeightKind::vector);
    v.value("limit", m.limit, 0.0f);
    v.rule(m.limit >= 0, "limit", "not be negative");
    v.value("up_offset", m.up_offset, 0.0f);
    if (v.enter("shared", m.shared.has_value(), true)) {
        if constexpr (!std::is_const_v<M>)
            if (!m.shared) m.shared.emplace();
        fields(v, *m.shared, w);
        v.leave();
    }
    linear(v, "shared_gate", m.shared_gate, w.input, 1, true);
    v.rule(m.shared || !m.shared_gate, "shared_gate", "not be there without shared");
}

weft_LISTED(LinearSpec, 1);
template <class V, Is<LinearSpec> L>
void fields(V& v, L& l, const Widths& w) {
    linear(v, "linear", l.linear, w.input, w.model);
}

weft_LISTED(Branch, 3);
template <class V, Is<Branch> B>
void fields(V& v, B& b, const Widths& w) {
    v.op(b.op);
    v.value("in_scale", b.in_scale, 1.0f);
    v.value("out_scale", b.out_scale, 1.0f);
    std::visit([&](auto& op) { fields(v, op, w); }, b.op);
}

weft_LISTED(SubBlock, 6);
template <class V, Is<SubBlock> B>
void fields(V& v, B& b, uint64_t width) {
    v.value("input", b.input, BlockInput::residual);
    const Widths w{width, b.input == BlockInput::residual_and_embedding ? 2 * width : width};
    norm(v, "pre", b.pre, w.input);
    v.list("branches", b.branches, [&](auto& branch) { fields(v, branch, w); });
    v.rule(!b.branches.empty(), "branches", "hold at least one op");
    norm(v, "post", b.post, width);
    v.value("residual_scale", b.residual_scale, 1.0f);
    v.value("output", b.output, BlockOutput::add_to_residual);
}

weft_LISTED(Layer, 1); // its blocks: the visitor's layers()
weft_LISTED(Embedding, 4);
weft_LISTED(Head, 4);
weft_LISTED(Schedule, 10);
template <class V, Is<Schedule> S>
void fields(V& v, S& s) {
    v.value("architecture", s.architecture, std::string("custom"));
    v.size("vocabulary", s.vocabulary);
    v.size("width", s.width);
    v.value("trained_context", s.trained_context, 0u);
    v.value("position_limit", s.position_limit, 0u);
    v.value("begin_token", s.begin_token, int64_t(-1));
    if (v.enter("embedding", true, false)) {
        v.value("scale", s.embedding.scale, 1.0f);
        v.value("position_offset", s.embedding.position_offset, 0u);
        v.weight("table", s.embedding.table, {s.vocabulary, s.width}, WeightUse::always, WeightKind::matrix);
        v.weight("positions", s.embedding.positions,
                 {uint64_t(s.position_limit) + s.embedding.position_offset, s.width}, WeightUse::rare,
                 WeightKind::matrix);
        v.leave();
    }
    v.layers(s.layers, [&](auto& block) { fields(v, block, uint64_t(s.width)); });
    if (v.enter("head", true, false)) {
        norm(v, "norm", s.head.norm, s.width);
        linear(v, "linear", s.head.linear, s.width, s.vocabulary);
        v.value("scale", s.head.scale, 1.0f);
        v.value("softcap", s.head.softcap, 0.0f);
        v.leave();
    }
}

/// How a slot is put together from tensors of files; its name, shape and kind follow from where it is used.
weft_LISTED(WeightPiece, 6);
template <class V, Is<WeightPiece> P>
void fields(V& v, P& p, const std::vector<uint64_t>& shape) {
    v.value("names", p.names, std::vector<std::string>());
    v.value("shape", p.file_shape, shape);
    v.value("first_row", p.first_row, uint64_t(0));
    v.value("rows", p.rows, uint64_t(0));
    v.value("transform", p.transform, WeightTransform::none);
    v.value("zipped", p.zipped, 0u);
}
weft_LISTED(WeightSlot, 7);
template <class V, Is<WeightSlot> S>
void fields(V& v, S& s) {
    const std::vector<uint64_t> shape(s.shape.begin(), s.shape.end());
    v.value("computed", s.computed, std::vector<float>());
    v.list("pieces", s.pieces, [&](auto& piece) { fields(v, piece, shape); });
    v.list("alternatives", s.alternatives,
           [&](auto& pieces) { v.list("pieces", pieces, [&](auto& piece) { fields(v, piece, shape); }); });
}

#undef weft_LISTED
#undef weft_ENUM_NAMES

} // namespace weft
