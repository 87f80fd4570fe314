// SPDX-License-Identifier: Apache-2.0
#include "layers/attention.hpp"
#include "kernels/attention.hpp"
#include "kernels/cache_row.hpp"
#include "kernels/combine.hpp"
#include "kernels/qkv_append.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/heads.hpp"
#include "layers/limits.hpp"
#include "layers/rotary.hpp"
#include "layers/work.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail {
namespace {

// Whether the kernel that rotates q and k norms each head of both before that: of padded ones it would count the
// padding.
bool norms_with_positions(const AttentionSpec& a) {
    const auto usual = [](const Norm& n) { return n && n.kind == kernel::NormKind::rms && n.bias == kNoWeight; };
    return usual(a.q_norm) && usual(a.k_norm) && a.q_norm.eps == a.k_norm.eps && !a.norm_all_heads &&
           padded(a.head_size) == a.head_size;
}

} // namespace

weft_LISTED(AttentionSpec, 31); // with its states
void AttentionSpec::fields(Fields& f, const Widths& w) {
    f.size("heads", heads);
    f.size("kv_heads", kv_heads, heads);
    f.rule(kv_heads && heads % kv_heads == 0, "kv_heads", "divide heads");
    f.size("head_size", head_size, uint32_t(w.model / std::max(1u, heads)));
    f.size("value_size", value_size, head_size);
    f.value("gate", gate, false);
    const uint64_t q = uint64_t(heads) * head_size, k = uint64_t(kv_heads) * head_size,
                   values = uint64_t(kv_heads) * value_size, result = uint64_t(heads) * value_size;
    f.linear("qkv", qkv, w.input, q + k + values + (gate ? result : 0));
    uint32_t rank = adapter_down.out / 3;
    f.value("adapter_rank", rank, 0u);
    if (rank) {
        const char* const keys[] = {"adapter_q", "adapter_k", "adapter_v"};
        const uint64_t rows[] = {q, k, values};
        f.linear("adapter_down", adapter_down, w.input, uint64_t(3) * rank);
        for (size_t i = 0; i < 3; ++i) f.linear(keys[i], adapter_up[i], rank, rows[i]);
    }
    f.value("norm_all_heads", norm_all_heads, false);
    f.norm("q_norm", q_norm, norm_all_heads ? q : head_size);
    f.norm("k_norm", k_norm, norm_all_heads ? k : head_size);
    f.rope("rope", rope, head_size);
    f.rule(rope.axes == 1 || rope.axes == w.axes, "rope.axes",
           w.viewed ? "be 1 in a block with a view, whose rows have a place in the view's order alone"
                    : "be those of the stage's rows, " + std::to_string(w.axes));
    f.number("scale", scale, float(1 / std::sqrt(double(head_size))), Reach::finite);
    f.number("key_scale", key_scale, 1.0f, Reach::finite);
    f.rule(
        key_scale == 1 || !k_norm || norms_with_positions(*this), "key_scale",
        "be 1 where norms of k alone, over all heads, with a bias or of another kind or eps than RMS norms of q, or of "
        "heads that are no multiple of 4, come behind it");
    f.value("causal", causal, true);
    f.value("window", window, 0u);
    f.value("ahead", ahead, 0u);
    f.rule(!ahead || !causal, "ahead", "not be there with causal attention, which sees nothing ahead");
    f.value("chunk", chunk, 0u);
    f.number("softcap", softcap, 0.0f, Reach::not_negative);
    f.number("temperature", temperature, 0.0f, Reach::finite);
    f.number("temperature_floor", temperature_floor, 8192.0f, Reach::positive);
    f.number("temperature_offset", temperature_offset, 0.0f, Reach::finite);
    f.weight("sinks", sinks, {heads}, WeightUse::rare, WeightKind::vector);
    f.value("bias_columns", bias_columns, 0u);
    f.rule(causal || bias_columns % 2 == (bias_columns ? 1 : 0), "bias_columns",
           "be odd: as many distances ahead as behind");
    if (bias_columns) f.weight("bias", bias, {heads, bias_columns}, WeightUse::always, WeightKind::vector);
    f.value("bias_side", bias_side, 0u);
    f.rule(!bias_side || (bias_side % 2 == 1 && !causal && !bias_columns), "bias_side",
           "be odd, and not there with causal or bias_columns");
    if (bias_side) f.weight("bias", bias, {heads, bias_side, bias_side}, WeightUse::always, WeightKind::vector);
    f.linear("out", out, result, w.model);
}

void AttentionSpec::states(States& s) {
    if (!causal) return; // all tokens of a sequence come in one step: nothing is kept
    const uint32_t reach = window && chunk ? std::min(window, chunk) : std::max(window, chunk);
    const auto row = [&](const char* name, uint32_t size) {
        return State{name, reach ? State::Law::ring : State::Law::rows, DType::f32, true, {kv_heads, size}, reach};
    };
    s.declare(keys, row("keys", padded(head_size)));
    s.declare(values, row("values", padded(value_size)));
}

void AttentionSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const uint32_t padded_head = padded(head_size), padded_value = padded(value_size), q_columns = heads * head_size,
                   k_columns = kv_heads * head_size, v_columns = kv_heads * value_size, o_columns = heads * value_size;
    const kernel::Tensor all = c.rows(qkv.out, "q, k, v");
    lower_linear(c, qkv, x, {all});
    kernel::Tensor q = all.slice_columns(0, q_columns), k = all.slice_columns(q_columns, k_columns);
    kernel::Tensor v = all.slice_columns(q_columns + k_columns, v_columns);
    if (adapter_down) {
        const uint32_t rank = adapter_down.out / 3;
        const kernel::Tensor low = c.rows(adapter_down.out, "adapters"), parts[] = {q, k, v};
        lower_linear(c, adapter_down, x, {low});
        for (uint32_t i = 0; i < 3; ++i)
            lower_linear(c, adapter_up[i], low.slice_columns(i * rank, rank), {parts[i], parts[i]});
    }
    const bool fused_norms = norms_with_positions(*this);
    weft_CHECK(fused_norms || !k_norm || key_scale == 1, "norms of k come behind its scale");
    if (q_norm && !fused_norms) lower_norm(c, q_norm, q, q, 1, norm_all_heads ? 0 : head_size);
    if (k_norm && !fused_norms) lower_norm(c, k_norm, k, k, 1, norm_all_heads ? 0 : head_size);
    q = resized(c, q, heads, padded_head);
    k = resized(c, k, kv_heads, padded_head);
    v = resized(c, v, kv_heads, padded_value);
    const auto cache = [&](StateId id, uint32_t size) {
        if (causal) return c.state(id);
        return c.r.temporary(DType::f32, {1, kv_heads, c.step.max_tokens, size}, "keys or values");
    };
    const kernel::Tensor k_cache = cache(keys, padded_head), v_cache = cache(values, padded_value);
    kernel::qkv_append(c.r, {.step = c.step,
                             .q = q,
                             .k = k,
                             .v = v,
                             .k_cache = k_cache,
                             .v_cache = v_cache,
                             .heads = heads,
                             .kv_heads = kv_heads,
                             .head_size = padded_head,
                             .value_size = padded_value,
                             .normalize = fused_norms,
                             .q_weight = fused_norms ? c.weight(q_norm.weight) : kernel::Tensor{},
                             .k_weight = fused_norms ? c.weight(k_norm.weight) : kernel::Tensor{},
                             .packed = !causal,
                             .eps = q_norm.eps,
                             .k_scale = key_scale,
                             .rotary = rotary_of(c, rope),
                             .positions = rope.axes > 1 ? c.step.axes : kernel::Tensor{},
                             .temperature = temperature,
                             .temperature_floor = temperature_floor,
                             .temperature_offset = temperature_offset});
    kernel::Tensor y = c.rows(heads * padded_value, "attention");
    kernel::attention(c.r, {.step = c.step,
                            .q = q,
                            .k_cache = k_cache,
                            .v_cache = v_cache,
                            .y = y,
                            .sinks = c.weight(sinks),
                            .bias = c.weight(bias),
                            .spans = causal ? c.spans : kernel::Tensor{},
                            .bias_side = bias_side,
                            .bias_offset = bias_columns ? int32_t(bias_offset()) : 0,
                            .heads = heads,
                            .kv_heads = kv_heads,
                            .head_size = padded_head,
                            .value_size = padded_value,
                            .scale = scale,
                            .causal = causal,
                            .window = window,
                            .ahead = ahead,
                            .chunk = chunk,
                            .softcap = softcap,
                            .packed = !causal});
    y = resized(c, y, heads, value_size);
    if (gate)
        kernel::combine(c.r, {.z = y, .gate = all.slice_columns(q_columns + k_columns + v_columns, o_columns), .y = y});
    lower_linear(c, out, y, to);
}

void AttentionSpec::work(WorkCounter& w) const {
    uint64_t pairs = 0; // of a query and a key it sees
    for (uint64_t at = w.step.past; at < w.step.past + w.step.count; ++at) {
        const uint64_t behind = w.step.past + w.step.count - at - 1;
        pairs += window ? std::min<uint64_t>(at + 1, window) : chunk ? at % chunk + 1 : at + 1;
        if (!causal) pairs += ahead ? std::min<uint64_t>(behind, ahead - 1) : behind;
    }
    const uint64_t length = w.step.past + w.step.count,
                   first = window  ? w.step.past + 1 - std::min<uint64_t>(w.step.past + 1, window)
                           : chunk ? w.step.past / chunk * chunk
                                   : 0;
    const uint64_t row = kv_heads * (kernel::cache_row(w.step.kv, padded(head_size)).bytes() +
                                     kernel::cache_row(w.step.kv, padded(value_size)).bytes());
    if (causal) w.work.bytes += w.step.sequences * (length - first + w.step.count) * row;
    w.work.operations += w.step.sequences * 2 * pairs * heads * (head_size + value_size);
}

void AttentionSpec::limits(Limits& l) const {
    l.range("the size of a head", head_size, 1, kLargestHead);
    l.range("the size of a value head", value_size, 1, kLargestHead);
}

std::string AttentionSpec::words() const {
    std::string s =
        std::to_string(heads) + " heads, " + std::to_string(kv_heads) + " kv, " + std::to_string(head_size) + " wide";
    if (!causal) s += ", both ways";
    if (window) s += ", window " + std::to_string(window);
    if (chunk) s += ", chunks of " + std::to_string(chunk);
    if (rope.kind == RopeKind::none) s += ", no positions";
    else if (rope.rotary != head_size) s += ", rotary " + std::to_string(rope.rotary);
    if (rope.axes > 1) s += ", " + std::to_string(rope.axes) + " axes";
    if (bias_columns || bias_side) s += ", bias by distance";
    return s + (q_norm ? ", q/k norm" : "") + (temperature != 0 ? ", temperature by position" : "") +
           (gate ? ", gated" : "");
}

weft_OP(AttentionSpec);

} // namespace weft::detail
