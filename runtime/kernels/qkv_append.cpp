// SPDX-License-Identifier: Apache-2.0
#include "kernels/qkv_append.hpp"
#include "kernels/kv_slots.hpp"
#include "qkv_append.gen.hpp"

namespace weft::detail::kernel {
namespace {

using K = shader::qkv_append;

void check(const QkvAppendArgs& a) {
    weft_CHECK(a.q || a.k, "there must be q, or k and v");
    weft_CHECK(bool(a.k) == bool(a.v) && bool(a.k) == bool(a.k_cache) && bool(a.k) == bool(a.v_cache),
               "k, v and their caches come together");
    weft_CHECK(a.head_size > 0 && a.head_size % 4 == 0 && a.head_size <= 256,
               "head_size must be a multiple of 4, at most 256");
    weft_CHECK(!a.q || (a.heads > 0 && a.q.columns() == a.heads * a.head_size && a.q.dtype == DType::f32),
               "q must be f32 [T, heads * head_size]");
    if (a.k) {
        weft_CHECK(a.value_size > 0 && a.value_size % 4 == 0 && a.value_size <= 256,
                   "value_size must be a multiple of 4, at most 256");
        weft_CHECK(a.kv_heads > 0 && a.k.columns() == a.kv_heads * a.head_size && a.k.dtype == DType::f32,
                   "k must be f32 [T, kv_heads * head_size]");
        weft_CHECK(a.v.columns() == a.kv_heads * a.value_size && a.v.dtype == DType::f32,
                   "v must be f32 [T, kv_heads * value_size]");
        weft_CHECK(cache_fits(a.k_cache, a.kv_heads, a.head_size),
                   "k_cache must be [slots, kv_heads, capacity, head_size]");
        weft_CHECK(cache_fits(a.v_cache, a.kv_heads, a.value_size),
                   "v_cache must be [slots, kv_heads, capacity, value_size]");
        weft_CHECK(a.k_cache.shape[0] == a.v_cache.shape[0] && a.k_cache.shape[2] == a.v_cache.shape[2],
                   "the caches must have the same slots and capacity");
        weft_CHECK(a.k_cache.dtype == a.v_cache.dtype, "the caches must be of the same type");
    }
    weft_CHECK((!a.q_weight || a.q_weight.count() == a.head_size) && (!a.k_weight || a.k_weight.count() == a.head_size),
               "q_weight and k_weight must be [head_size]");
    weft_CHECK(a.normalize || (!a.q_weight && !a.k_weight), "weights need normalize");
    const Rotary& p = a.rotary;
    weft_CHECK(p.dims % 2 == 0 && p.dims <= a.head_size, "rotary.dims must be even and not larger than head_size");
    weft_CHECK(p.dims == 0 || (p.frequencies && p.frequencies.count() == (1u + p.long_table + p.axes) * (p.dims / 2)),
               "rotary.frequencies must be [rows, dims / 2]");
    weft_CHECK(!(p.long_table || p.ntk != 0) || p.original > 0,
               "rotary.long_table and rotary.ntk need rotary.original");
    weft_CHECK(!p.axes || a.positions, "rotary.axes needs positions [axes, T]");
}

// Parts that are columns of the same tensor share a dispatch.
struct Group {
    Tensor x; // the part that reaches farthest: a binding of all
    bool q = false, k = false, v = false;
};

std::vector<Group> groups_of(const QkvAppendArgs& a) {
    std::vector<Group> groups;
    const auto add = [&](const Tensor& t, bool Group::*part) {
        if (!t) return;
        for (Group& g : groups)
            if (g.x.resource == t.resource && g.x.offset == t.offset && g.x.stride == t.stride) {
                if (t.bytes() > g.x.bytes()) g.x = t;
                g.*part = true;
                return;
            }
        groups.push_back({t});
        groups.back().*part = true;
    };
    add(a.q, &Group::q);
    add(a.k, &Group::k);
    add(a.v, &Group::v);
    return groups;
}

} // namespace

void qkv_append(Recorder& r, const QkvAppendArgs& a) {
    check(a);
    const Tensor positions = a.positions ? a.positions : a.step.positions;
    const Rotary& p = a.rotary;
    const uint32_t value_size = a.k ? a.value_size : a.head_size, width = std::max(a.head_size, value_size) / 4;
    // Several narrow heads a workgroup; several tokens one after the other, so that a long
    // prompt is not a flood of tiny workgroups.
    const uint32_t together = std::max(64 / width, 1u), local = together * width, tokens = a.step.decode ? 1 : 4;
    const std::vector<SlotRange> ranges = a.k ? slot_ranges(r, a.k_cache, a.v_cache) : std::vector<SlotRange>{{0, ~0u}};
    for (const Group& g : groups_of(a)) {
        const uint32_t items = (g.q ? a.heads : 0) + (g.k ? a.kv_heads : 0) + (g.v ? a.kv_heads : 0);
        for (const SlotRange& range : ranges)
            r.dispatch<K>(K::Variant::core,
                          {.LOCAL = local,
                           .HEAD = a.head_size,
                           .VALUE = value_size,
                           .Q_HEADS = g.q ? a.heads : 0,
                           .K_HEADS = g.k ? a.kv_heads : 0,
                           .V_HEADS = g.v ? a.kv_heads : 0,
                           .ROTARY = p.dims,
                           .INTERLEAVED = p.pairs == RotaryPairs::interleaved,
                           .CACHE_FORMAT = a.k ? cache_format(a.k_cache.dtype) : 0,
                           .PARTS = (a.normalize ? 1u : 0u) | (a.q_weight ? 2u : 0u) | (a.k_weight ? 4u : 0u) |
                                    (p.long_table ? 8u : 0u) | (p.axes ? 16u : 0u) | (p.ntk != 0 ? 32u : 0u) |
                                    (a.temperature != 0 ? 64u : 0u) | (a.packed ? 128u : 0u)},
                          {.x = g.x,
                           .q_weight = r.or_unused(a.q_weight),
                           .k_weight = r.or_unused(a.k_weight),
                           .frequencies = r.or_unused(p.frequencies),
                           .positions = positions,
                           .sequences = a.step.sequences,
                           .k_cache = r.or_unused(g.k ? slots_of(a.k_cache, range) : Tensor{}),
                           .v_cache = r.or_unused(g.v ? slots_of(a.v_cache, range) : Tensor{})},
                          {.x_stride = g.x.stride,
                           .q_start = a.q.start,
                           .k_start = a.k.start,
                           .v_start = a.v.start,
                           .capacity = a.k ? a.k_cache.shape[2] : 1,
                           .first_slot = range.first,
                           .slots = range.count,
                           .position_stride = positions.stride,
                           .original = p.original,
                           .eps = a.eps,
                           .k_scale = a.k_scale,
                           .factor = p.factor,
                           .long_factor = p.long_factor,
                           .ntk = p.ntk,
                           .temperature = a.temperature,
                           .temperature_floor = a.temperature_floor,
                           .temperature_offset = a.temperature_offset},
                          {.x = {(items + together - 1) / together * local},
                           .y = {1, Quantity::longest_new, tokens},
                           .z = {1, Quantity::sequences}});
    }
}

} // namespace weft::detail::kernel
