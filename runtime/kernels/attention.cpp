// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.hpp"
#include "attention.gen.hpp"
#include "attention_decode.gen.hpp"
#include "attention_merge.gen.hpp"
#include "kernels/fit.hpp"
#include "kernels/kv_slots.hpp"
#include <bit>
#include <vector>

namespace weft::detail::kernel {
namespace {

enum Option : uint32_t {
    kCausal = 1,
    kWindow = 2,
    kAhead = 4,
    kChunk = 8,
    kSoftcap = 16,
    kSinks = 32,
    kBias = 64,
    kLse = 128,
    kCross = 256,
    kBiasGrid = 512,
    kPacked = 1024,
    kSpans = 2048
}; // shaders/attention/scores.glsl

uint32_t options_of(const AttentionArgs& a) {
    return (a.causal ? kCausal : 0u) | (a.window ? kWindow : 0u) | (a.ahead ? kAhead : 0u) | (a.chunk ? kChunk : 0u) |
           (a.softcap != 0 ? kSoftcap : 0u) | (a.sinks ? kSinks : 0u) | (a.bias ? kBias : 0u) | (a.lse ? kLse : 0u) |
           (a.cross ? kCross : 0u) | (a.bias_side ? kBiasGrid : 0u) | (a.packed ? kPacked : 0u) |
           (a.spans && !a.step.decode ? kSpans : 0u);
}

void check(const AttentionArgs& a) {
    weft_CHECK(a.kv_heads > 0 && a.heads > 0 && a.heads % a.kv_heads == 0, "heads must be a multiple of kv_heads");
    weft_CHECK(a.head_size > 0 && a.head_size % 4 == 0 && a.head_size <= 256,
               "head_size must be a multiple of 4, at most 256");
    weft_CHECK(a.value_size > 0 && a.value_size % 4 == 0 && a.value_size <= 256,
               "value_size must be a multiple of 4, at most 256");
    weft_CHECK(a.q.dtype == DType::f32 && a.q.columns() == a.heads * a.head_size,
               "q must be f32 [T, heads * head_size]");
    weft_CHECK(a.y.dtype == DType::f32 && a.y.columns() == a.heads * a.value_size,
               "y must be f32 [T, heads * value_size]");
    weft_CHECK(cache_fits(a.k_cache, a.kv_heads, a.head_size),
               "k_cache must be [slots, kv_heads, capacity, head_size]");
    weft_CHECK(cache_fits(a.v_cache, a.kv_heads, a.value_size),
               "v_cache must be [slots, kv_heads, capacity, value_size]");
    weft_CHECK(a.k_cache.shape[0] == a.v_cache.shape[0] && a.k_cache.shape[2] == a.v_cache.shape[2],
               "the caches must have the same slots and capacity");
    weft_CHECK(a.k_cache.dtype == a.v_cache.dtype, "the caches must be of the same type");
    weft_CHECK(!a.lse || (a.lse.columns() == a.heads && a.lse.contiguous()), "lse must be [T, heads]");
    weft_CHECK(!a.sinks || a.sinks.count() == a.heads, "sinks must be [heads]");
    weft_CHECK(!a.bias || (a.bias.contiguous() && a.bias.columns() > 0 &&
                           a.bias.count() == uint64_t(a.heads) * a.bias.columns() * std::max(a.bias_side, 1u)),
               "bias must be [heads, n], or [heads, side, side]");
    weft_CHECK(!a.bias_side || (a.bias && a.bias_side % 2 == 1 && a.bias.columns() == a.bias_side && !a.cross),
               "a bias by two distances has an odd side, and is not for cross attention");
    weft_CHECK(!a.packed || (a.k_cache.shape[0] == 1 && !a.cross && !a.step.decode),
               "packed keys have no slots, and no step form");
    weft_CHECK(!a.spans || (a.causal && !a.chunk && !a.bias && a.spans.count() >= a.y.rows()),
               "spans are for causal attention without chunks and biases, and there is one for every row of y");
    weft_CHECK(!a.cross || !a.causal, "cross attention is not causal");
    weft_CHECK(!a.ahead || !a.causal, "ahead is for attention that is not causal");
}

// Behind a form's variant for caches of f32 stand those for f16 and q8_0.
template <class Variant>
Variant reading(const Tensor& cache, Variant form) {
    return Variant(uint32_t(form) + cache_format(cache.dtype));
}

uint32_t up(uint32_t n, uint32_t divisor) { return (n + divisor - 1) / divisor; }

constexpr uint32_t kOverhead = 8; // addresses, and the group of channels that is read

struct Rows {
    uint32_t rows, split;
};
// Prefill: as few threads a row as have the registers for it, as each computes the softmax. On a CPU registers are
// memory, and a thread has whole rows.
Rows rows_of_a_thread(const Machine& machine, uint32_t d, uint32_t dv, uint32_t keys) {
    if (machine.is_cpu()) return {d + dv > 128 ? 1u : 2u, 1};
    std::vector<Rows> shapes{{2, 1}};
    for (uint32_t split = 2; split <= 32 && d % (4 * split) == 0 && dv % (4 * split) == 0; split *= 2)
        shapes.push_back({2, split});
    const uint32_t most = shapes.back().split;
    shapes.push_back({1, std::min(most, machine.lanes)}); // within a subgroup, if that will do
    shapes.push_back({1, most});
    // q, o and scores; m, l, the keys that are seen, position and head.
    return fit(machine.registers_of_few(), shapes,
               [&](const Rows& s) { return s.rows * ((d + dv) / s.split + keys + 6) + kOverhead; });
}

// Decode: query heads of `group` that a workgroup takes, at most eight, shared out evenly.
uint32_t heads_of_a_thread(const Machine& machine, uint32_t group, uint32_t team, uint32_t d, uint32_t dv) {
    std::vector<uint32_t> shapes;
    for (uint32_t n = std::min(group, 8u); n > 0; --n) shapes.push_back(up(group, up(group, n)));
    if (machine.is_cpu()) // of q and o
        return fit(machine.registers, shapes, [&](uint32_t heads) { return heads * (d + dv) / team; });
    // Of each head o, the scores of a team's keys, m, l and a group of q; the rows of the keys.
    return fit(machine.registers_of_few(), shapes,
               [&](uint32_t heads) { return heads * (dv / team + team + 6) + team + kOverhead; });
}

void prefill(Recorder& r, const AttentionArgs& a, AttentionTuning t) {
    using K = shader::attention;
    using Form = AttentionTuning::Form;
    const uint32_t d = a.head_size, dv = a.value_size, group = a.heads / a.kv_heads, lanes = r.machine().lanes;
    const bool cpu = r.machine().is_cpu();
    if (t.form == Form::automatic && r.has(Feature::subgroup) && cpu && t.split <= 1 && t.local % lanes == 0)
        t.form = Form::broadcast;
    const Rows rows = rows_of_a_thread(r.machine(), d, dv, t.keys ? t.keys : 4);
    if (!t.rows) t.rows = rows.rows;
    if (!t.split) t.split = rows.split;
    if (t.form == Form::automatic)
        t.form = r.has(Feature::subgroup) && t.split > 1 && lanes % t.split == 0 ? Form::subgroup : Form::core;
    const bool broadcast = t.form == Form::broadcast;
    if (!t.local) t.local = broadcast ? lanes : cpu ? 32 : 64;
    if (!t.keys) t.keys = broadcast ? 2 : 4;
    // 8 KiB of keys and values.
    const uint32_t tile = broadcast ? t.keys : std::clamp(std::bit_floor(2048 / (d + dv)), t.keys, 32u);
    weft_CHECK(std::has_single_bit(t.split) && d % (4 * t.split) == 0 && dv % (4 * t.split) == 0 &&
                   t.local % t.split == 0,
               "split must divide the groups of four channels, and the threads");
    weft_CHECK(!broadcast || (t.split == 1 && t.local % lanes == 0),
               "broadcast needs whole subgroups, and one thread a row");
    const auto variant = reading(a.k_cache, broadcast                  ? K::Variant::broadcast
                                            : t.form == Form::subgroup ? K::Variant::subgroup
                                                                       : K::Variant::core);
    for (const SlotRange& range : slot_ranges(r, a.k_cache, a.v_cache))
        r.dispatch<K>(
            variant,
            {.LOCAL = t.local,
             .HEAD = d,
             .VALUE = dv,
             .GROUP = group,
             .ROWS = t.rows,
             .SPLIT = t.split,
             .KEYS = t.keys,
             .TILE = tile,
             .OPTIONS = options_of(a),
             .LANES = lanes},
            {.q = a.q,
             .k_cache = slots_of(a.k_cache, range),
             .v_cache = slots_of(a.v_cache, range),
             .sinks = r.or_unused(a.sinks),
             .table = r.or_unused(a.spans ? a.spans : a.bias),
             .sequences = a.step.sequences,
             .y = a.y,
             .lse = r.or_unused(a.lse)},
            {.q_stride = a.q.stride,
             .q_start = a.q.start,
             .y_stride = a.y.stride,
             .y_start = a.y.start,
             .kv_heads = a.kv_heads,
             .capacity = a.k_cache.shape[2],
             .first_slot = range.first,
             .slots = range.count,
             .window = a.window,
             .ahead = a.ahead,
             .chunk = a.chunk,
             .bias_side = a.bias_side,
             .bias_columns = a.bias ? a.bias.columns() : 0,
             .bias_offset = a.bias_offset,
             .scale = a.scale,
             .softcap = a.softcap},
            {.x = {group * t.split, Quantity::longest_new, t.rows}, .y = {a.kv_heads}, .z = {1, Quantity::sequences}});
}

void decode(Recorder& r, const AttentionArgs& a, AttentionTuning t) {
    using K = shader::attention_decode;
    using Merge = shader::attention_merge;
    using Form = AttentionTuning::Form;
    const uint32_t d = a.head_size, dv = a.value_size, group = a.heads / a.kv_heads, lanes = r.machine().lanes,
                   capacity = a.k_cache.shape[2], sequences = a.step.max_sequences;
    const bool cpu = r.machine().is_cpu();
    uint32_t team = 1;
    while (team < std::min(lanes, 8u) && d % (8 * team) == 0 && dv % (8 * team) == 0) team *= 2;
    // Teams leave their outputs in shared memory at the end: 8 KiB of them.
    if (!t.local) t.local = cpu ? std::max(lanes, team) : std::max(64u, lanes);
    t.local = std::min(t.local, std::bit_floor(2048 / dv) * team);
    if (t.form == Form::automatic)
        t.form = r.has(Feature::subgroup) && t.local % lanes == 0 ? Form::subgroup : Form::core;
    if (t.form == Form::core) t.local = std::min(t.local, std::max(64u, team)); // 8 KiB for exchanges at most
    const uint32_t heads = heads_of_a_thread(r.machine(), group, team, d, dv), blocks = up(group, heads);
    uint32_t most = capacity; // keys that a query may see
    if (a.window && (a.causal || a.ahead)) most = std::min(most, a.window + (a.causal ? 0 : a.ahead));
    if (a.chunk) most = std::min(most, a.chunk);
    if (!t.split_keys) {
        t.split_keys = cpu ? 1024 : 256;
        while (t.split_keys < most && uint64_t(sequences) * a.heads * up(most, t.split_keys) * dv > (uint64_t(1) << 23))
            t.split_keys *= 2; // partial outputs of 32 MiB at most
    }
    const uint32_t splits = up(most, t.split_keys), options = options_of(a);
    const bool single = splits == 1;
    const auto variant = reading(a.k_cache, t.form == Form::subgroup ? K::Variant::subgroup : K::Variant::core);
    const Tensor outputs =
        single ? a.y : r.temporary(DType::f32, {sequences, a.heads, splits, dv}, "attention outputs of splits");
    const Tensor sums = single ? r.or_unused(a.lse)
                               : r.temporary(DType::f32, {sequences, a.heads, splits, 2}, "attention sums of splits");
    const Extent z =
        most == capacity && !a.cross && !single ? Extent{1, Quantity::longest_total, t.split_keys} : Extent{splits};
    for (const SlotRange& range : slot_ranges(r, a.k_cache, a.v_cache))
        r.dispatch<K>(variant,
                      {.LOCAL = t.local,
                       .HEAD = d,
                       .VALUE = dv,
                       .GROUP = group,
                       .HEADS = heads,
                       .TEAM = team,
                       .OPTIONS = options,
                       .SINGLE = single,
                       .LANES = lanes,
                       .KEEP_Q = cpu},
                      {.q = a.q,
                       .k_cache = slots_of(a.k_cache, range),
                       .v_cache = slots_of(a.v_cache, range),
                       .sinks = r.or_unused(a.sinks),
                       .bias = r.or_unused(a.bias),
                       .sequences = a.step.sequences,
                       .y = outputs,
                       .lse = sums},
                      {.q_stride = a.q.stride,
                       .q_start = a.q.start,
                       .y_stride = a.y.stride,
                       .y_start = a.y.start,
                       .kv_heads = a.kv_heads,
                       .capacity = capacity,
                       .first_slot = range.first,
                       .slots = range.count,
                       .window = a.window,
                       .ahead = a.ahead,
                       .chunk = a.chunk,
                       .bias_side = a.bias_side,
                       .bias_columns = a.bias ? a.bias.columns() : 0,
                       .bias_offset = a.bias_offset,
                       .scale = a.scale,
                       .softcap = a.softcap,
                       .split_keys = t.split_keys,
                       .splits = splits},
                      {.x = {a.kv_heads * blocks * t.local}, .y = {1, Quantity::sequences}, .z = z});
    if (single) return;
    const uint32_t local = std::min(std::bit_ceil(dv), 128u);
    r.dispatch<Merge>(Merge::Variant::core, {.LOCAL = local, .VALUE = dv, .OPTIONS = options},
                      {.outputs = outputs,
                       .sums = sums,
                       .sinks = r.or_unused(a.sinks),
                       .sequences = a.step.sequences,
                       .y = a.y,
                       .lse = r.or_unused(a.lse)},
                      {.y_stride = a.y.stride,
                       .y_start = a.y.start,
                       .heads = a.heads,
                       .window = a.window,
                       .ahead = a.ahead,
                       .chunk = a.chunk,
                       .split_keys = t.split_keys,
                       .splits = splits},
                      {.x = {a.heads * local}, .y = {1, Quantity::sequences}});
}

} // namespace

void attention(Recorder& r, const AttentionArgs& a, AttentionTuning tuning) {
    check(a);
    if (a.step.decode) decode(r, a, tuning);
    else prefill(r, a, tuning);
}

void attention(Recorder& r, const AttentionArgs& a) { attention(r, a, {}); }

} // namespace weft::detail::kernel
