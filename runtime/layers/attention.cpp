// SPDX-License-Identifier: Apache-2.0
#include "layers/attention.hpp"
#include "kernels/attention.hpp"
#include "kernels/combine.hpp"
#include "kernels/qkv_append.hpp"
#include "kernels/resize_heads.hpp"
#include <algorithm>

namespace weft {
namespace {

kernel::Rotary rotary(const LayerContext& c, const Rope& rope) {
    kernel::Rotary r;
    if (rope.kind == RopeKind::none) return r;
    r.dims = rope.rotary;
    r.pairs = rope.kind == RopeKind::half ? kernel::RotaryPairs::halves : kernel::RotaryPairs::interleaved;
    r.frequencies = c.weight(rope.frequencies);
    r.long_table = rope.long_table;
    r.original = rope.original;
    r.factor = rope.factor;
    r.long_factor = rope.long_factor;
    r.ntk = rope.ntk;
    return r;
}

// The kernels read heads in vectors of four.
uint32_t padded(uint32_t size) { return (size + 3) / 4 * 4; }

kernel::Tensor resized(LayerContext& c, const kernel::Tensor& x, uint32_t heads, uint32_t size) {
    if (x.columns() == heads * size) return x;
    const kernel::Tensor y = c.rows(heads * size, "resized heads");
    kernel::resize_heads(c.r, {.x = x, .y = y, .heads = heads});
    return y;
}

} // namespace

void lower(LayerContext& c, const AttentionSpec& a, const kernel::Tensor& x, const Destination& to) {
    const uint32_t head_size = padded(a.head_size), value_size = padded(a.value_size),
                   q_columns = a.heads * a.head_size, k_columns = a.kv_heads * a.head_size,
                   v_columns = a.kv_heads * a.value_size, o_columns = a.heads * a.value_size;
    const kernel::Tensor qkv = c.rows(a.qkv.out, "q, k, v");
    lower_linear(c, a.qkv, x, {qkv});
    kernel::Tensor q = qkv.slice_columns(0, q_columns), k = qkv.slice_columns(q_columns, k_columns);
    kernel::Tensor v = qkv.slice_columns(q_columns + k_columns, v_columns);
    if (a.adapter_down) {
        const uint32_t rank = a.adapter_down.out / 3;
        const kernel::Tensor low = c.rows(a.adapter_down.out, "adapters"), parts[] = {q, k, v};
        lower_linear(c, a.adapter_down, x, {low});
        for (uint32_t i = 0; i < 3; ++i)
            lower_linear(c, a.adapter_up[i], low.slice_columns(i * rank, rank), {parts[i], parts[i]});
    }
    // Norms of heads that are padded would count the padding.
    const bool fused_norms = a.q_norm && a.k_norm && !a.norm_all_heads && head_size == a.head_size;
    weft_CHECK(fused_norms || !a.k_norm || a.key_scale == 1, "norms of k come behind its scale");
    if (a.q_norm && !fused_norms) lower_norm(c, a.q_norm, q, q, 1, a.norm_all_heads ? 0 : a.head_size);
    if (a.k_norm && !fused_norms) lower_norm(c, a.k_norm, k, k, 1, a.norm_all_heads ? 0 : a.head_size);
    q = resized(c, q, a.heads, head_size);
    k = resized(c, k, a.kv_heads, head_size);
    v = resized(c, v, a.kv_heads, value_size);
    const kernel::Tensor k_cache = c.state(), v_cache = c.state();
    kernel::qkv_append(c.r, {.step = c.step,
                             .q = q,
                             .k = k,
                             .v = v,
                             .k_cache = k_cache,
                             .v_cache = v_cache,
                             .heads = a.heads,
                             .kv_heads = a.kv_heads,
                             .head_size = head_size,
                             .value_size = value_size,
                             .normalize = fused_norms,
                             .q_weight = fused_norms ? c.weight(a.q_norm.weight) : kernel::Tensor{},
                             .k_weight = fused_norms ? c.weight(a.k_norm.weight) : kernel::Tensor{},
                             .eps = a.q_norm.eps,
                             .k_scale = a.key_scale,
                             .rotary = rotary(c, a.rope)});
    kernel::Tensor y = c.rows(a.heads * value_size, "attention");
    kernel::attention(c.r, {.step = c.step,
                            .q = q,
                            .k_cache = k_cache,
                            .v_cache = v_cache,
                            .y = y,
                            .sinks = c.weight(a.sinks),
                            .heads = a.heads,
                            .kv_heads = a.kv_heads,
                            .head_size = head_size,
                            .value_size = value_size,
                            .scale = a.scale,
                            .window = a.window,
                            .chunk = a.chunk,
                            .softcap = a.softcap});
    y = resized(c, y, a.heads, a.value_size);
    if (a.gate)
        kernel::combine(c.r, {.z = y, .gate = qkv.slice_columns(q_columns + k_columns + v_columns, o_columns), .y = y});
    lower_linear(c, a.out, y, to);
}

std::vector<StateSpec> states_of(const AttentionSpec& a, const StateOptions& o) {
    // A window needs the last window - 1 keys beside a step's new ones; a chunk needs itself. What is not seen any more
    // is overwritten in a ring.
    uint32_t capacity = o.context;
    Growth growth = Growth::linear;
    const uint32_t reach = a.window && a.chunk ? std::min(a.window, a.chunk) : std::max(a.window, a.chunk);
    if (reach && uint64_t(reach) - 1 + o.max_chunk < o.context) {
        capacity = reach - 1 + o.max_chunk;
        growth = Growth::window;
    }
    const DType dtype = a.rope.kind == RopeKind::half && a.rope.rotary % 4
                            ? DType::f32
                            : o.kv_dtype; // half-split pairs would share a word of a cache of halves
    return {{StateKind::kv, growth, dtype, {a.kv_heads, capacity, padded(a.head_size)}},
            {StateKind::kv, growth, dtype, {a.kv_heads, capacity, padded(a.value_size)}}};
}

} // namespace weft
