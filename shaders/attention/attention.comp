// SPDX-License-Identifier: Apache-2.0
// Softmax attention of many new tokens, tiled with an online softmax (Dao 2023, FlashAttention-2, algorithm 1);
// no matrix of scores is ever stored.
//   s = scale q.k, capped, + bias;  m' = max(m, s);  o = o e^(m - m') + e^(s - m') v;  l likewise;
//   y = o / l;  lse = m + ln l
// One workgroup: a tile of rows of one sequence and one kv head, a row being a (token, query head of that kv head).
// SPLIT threads share a row, each with every SPLIT-th group of four channels of q and o in registers; a thread has ROWS
// rows. Keys and values pass TILE at a time through shared memory; only keys that some row of the tile sees are read.
// Reads (d + dv) elements a key and tile of rows, and q; writes y.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#if defined(SUBGROUP) || defined(BROADCAST)
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "cache.glsl"
#include "math.glsl"
#include "step.glsl"
#include "scores.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint HEAD = 64u;  // channels of q and k
layout(constant_id = 2) const uint VALUE = 64u; // channels of v and y
layout(constant_id = 3) const uint GROUP = 1u;  // query heads a kv head
layout(constant_id = 4) const uint ROWS = 2u;
layout(constant_id = 5) const uint SPLIT = 1u;
layout(constant_id = 6) const uint KEYS = 4u;   // keys whose scores a thread has at once
layout(constant_id = 7) const uint TILE = 16u;  // a multiple of KEYS
layout(constant_id = 8) const uint OPTIONS = 1u;
layout(constant_id = 9) const uint LANES = 8u;  // BROADCAST: subgroup size

layout(push_constant) uniform Push {
    uint q_stride, q_start, y_stride, y_start, kv_heads;
    uint capacity, first_slot, slots; // this dispatch serves slots [first_slot, first_slot + slots)
    uint window, ahead, chunk, bias_side, bias_columns;
    int bias_offset;
    float scale, softcap;
} push;
layout(binding = 0) readonly buffer Q { float q[]; };                 // [T, H * d]
layout(binding = 1) readonly buffer KCache { CACHE k_cache[]; };      // [slots, G, capacity, d]
layout(binding = 2) readonly buffer VCache { CACHE v_cache[]; };      // [slots, G, capacity, dv]
layout(binding = 3) readonly buffer Sinks { float sinks[]; };         // [H]
// f32 [H, bias_columns] or [H, side, side]: biases; with SPANS [T]: visible_keys() (devices bind few buffers).
layout(binding = 4) readonly buffer Table { uint table[]; };
layout(binding = 5) readonly buffer Sequences { uint sequences[]; };  // [S, 8]
layout(binding = 6) writeonly buffer Y { float y[]; };                // [T, H * dv]
layout(binding = 7) writeonly buffer LogSum { float lse[]; };         // [T, H]

#include "lane.glsl"

const uint HEAD4 = HEAD / 4u, VALUE4 = VALUE / 4u, Q4 = HEAD4 / SPLIT, O4 = VALUE4 / SPLIT;
const uint TILE_ROWS = LOCAL / SPLIT * ROWS;

#ifndef BROADCAST
shared vec4 sh_k[TILE * HEAD4];
shared vec4 sh_v[TILE * VALUE4];
#ifndef SUBGROUP
shared float sh_partial[SPLIT > 1u ? LOCAL * ROWS * KEYS : 1u];
#endif
#endif

uvec2 seen_by(uint token, uint position, uint keys) {
    uint span = (OPTIONS & SPANS) != 0u ? table[token] : 0u;
    return visible_keys(OPTIONS, position, keys, push.window, push.ahead, push.chunk, span);
}

void main() {
    uint lane = lane_index(), part = lane % SPLIT;
    uint sequence = gl_WorkGroupID.z * SEQ_STRIDE, kv_head = gl_WorkGroupID.y;
    uint first = sequences[sequence + SEQ_FIRST], count = sequences[sequence + SEQ_COUNT],
         past = sequences[sequence + SEQ_PAST];
    bool packed = (OPTIONS & PACKED) != 0u; // keys and values lie as the step's tokens do
    uint slot = packed ? 0u : sequences[sequence + SEQ_SLOT] - push.first_slot;
    uint keys = (OPTIONS & CROSS) != 0u ? sequences[sequence + SEQ_MEMORY] : past + count;
    uint across = max(sequences[sequence + SEQ_MEMORY], 1u); // BIAS_GRID
    uint rows = count * GROUP, tile = gl_WorkGroupID.x * TILE_ROWS;
    if (tile >= rows || slot >= push.slots) return;

    vec4 qs[ROWS * Q4], o[ROWS * O4];
    float m[ROWS], l[ROWS];
    uvec2 seen[ROWS];
    uint position[ROWS], head[ROWS];
    [[unroll]] for (uint i = 0u; i < ROWS; ++i) {
        uint row = tile + i * (LOCAL / SPLIT) + lane / SPLIT, token = min(row, rows - 1u) / GROUP;
        head[i] = kv_head * GROUP + min(row, rows - 1u) % GROUP;
        position[i] = past + token;
        seen[i] = row < rows ? seen_by(first + token, position[i], keys) : uvec2(0u);
        uint at = (first + token) * push.q_stride + push.q_start + head[i] * HEAD + 4u * part;
        [[unroll]] for (uint c = 0u; c < Q4; ++c)
            qs[i * Q4 + c] = push.scale * vec4(q[at + 4u * SPLIT * c], q[at + 4u * SPLIT * c + 1u],
                                               q[at + 4u * SPLIT * c + 2u], q[at + 4u * SPLIT * c + 3u]);
        [[unroll]] for (uint c = 0u; c < O4; ++c) o[i * O4 + c] = vec4(0.0);
        m[i] = LOWEST;
        l[i] = 0.0;
    }
    // The keys that the tile's first and last token see bound those of all its rows. Tiles of keys start at absolute
    // multiples, so that how a prompt is cut into steps does not change a bit of the result.
    uint last = (min(tile + TILE_ROWS, rows) - 1u) / GROUP;
    uint begin = seen_by(first + tile / GROUP, past + tile / GROUP, keys).x;
    uint end = seen_by(first + last, past + last, keys).y;
    uint first_row = cache_head(slot, push.kv_heads, kv_head, push.capacity);
    // The row of key `begin`; all keys that are read lie less than a capacity beyond it.
    uint ring = (packed ? first + begin : begin) % push.capacity;

    for (uint tile_key = begin - begin % TILE; tile_key < end; tile_key += TILE) {
#ifndef BROADCAST
        barrier();
        for (uint e = lane; e < TILE * HEAD4; e += LOCAL) {
            uint at = ring + clamp(tile_key + e / HEAD4, begin, end - 1u) - begin;
            sh_k[e] = READ_CACHE(k_cache, cache_row(first_row, push.capacity, at), HEAD, e % HEAD4);
        }
        for (uint e = lane; e < TILE * VALUE4; e += LOCAL) {
            uint at = ring + clamp(tile_key + e / VALUE4, begin, end - 1u) - begin;
            sh_v[e] = READ_CACHE(v_cache, cache_row(first_row, push.capacity, at), VALUE, e % VALUE4);
        }
        barrier();
#endif
        [[dont_unroll]] for (uint base = 0u; base < TILE; base += KEYS) {
            float s[ROWS * KEYS];
            [[unroll]] for (uint i = 0u; i < ROWS * KEYS; ++i) s[i] = 0.0;
#ifdef BROADCAST
            uint at[KEYS];
            vec4 read[KEYS]; // LANES groups of four channels of a key, one in each thread of a subgroup
            [[unroll]] for (uint u = 0u; u < KEYS; ++u)
                at[u] = cache_row(first_row, push.capacity,
                                  ring + clamp(tile_key + base + u, begin, end - 1u) - begin);
#endif
            [[unroll]] for (uint c = 0u; c < Q4; ++c)
                [[unroll]] for (uint u = 0u; u < KEYS; ++u) {
#ifdef BROADCAST
                    if (c % LANES == 0u)
                        read[u] = READ_CACHE(k_cache, at[u], HEAD, min(c + gl_SubgroupInvocationID, HEAD4 - 1u));
                    vec4 k = subgroupShuffle(read[u], c % LANES);
#else
                    vec4 k = sh_k[(base + u) * HEAD4 + c * SPLIT + part];
#endif
                    [[unroll]] for (uint i = 0u; i < ROWS; ++i) s[i * KEYS + u] += dot(qs[i * Q4 + c], k);
                }
#if defined(SUBGROUP)
            [[unroll]] for (uint other = 1u; other < SPLIT; other *= 2u)
                [[unroll]] for (uint i = 0u; i < ROWS * KEYS; ++i) s[i] += subgroupShuffleXor(s[i], other);
#elif !defined(BROADCAST)
            if (SPLIT > 1u) { // threads of a row are neighbours
                barrier();
                [[unroll]] for (uint i = 0u; i < ROWS * KEYS; ++i) sh_partial[i * LOCAL + lane] = s[i];
                barrier();
                [[unroll]] for (uint i = 0u; i < ROWS * KEYS; ++i) s[i] = 0.0;
                // a loop, or compilers read all partial sums before they add, and have no registers for them
                [[dont_unroll]] for (uint other = 0u; other < SPLIT; ++other)
                    [[unroll]] for (uint i = 0u; i < ROWS * KEYS; ++i)
                        s[i] += sh_partial[i * LOCAL + lane - part + other];
            }
#endif
            [[unroll]] for (uint i = 0u; i < ROWS; ++i) {
                float top = m[i];
                [[unroll]] for (uint u = 0u; u < KEYS; ++u) {
                    uint key = tile_key + base + u;
                    float score = cap_score(OPTIONS, s[i * KEYS + u], push.softcap);
                    if ((OPTIONS & BIAS) != 0u)
                        score += uintBitsToFloat(table[bias_index(OPTIONS, head[i], position[i], key, push.bias_offset,
                                                                  push.bias_side, push.bias_columns, across)]);
                    s[i * KEYS + u] = key >= seen[i].x && key < seen[i].y ? score : LOWEST;
                    top = max(top, s[i * KEYS + u]);
                }
                float fade = top > m[i] ? exp(m[i] - top) : 1.0; // exactly 1 for keys that are not seen
                m[i] = top;
                l[i] *= fade;
                [[unroll]] for (uint u = 0u; u < KEYS; ++u) {
                    uint key = tile_key + base + u;
                    float p = key >= seen[i].x && key < seen[i].y ? exp(s[i * KEYS + u] - top) : 0.0;
                    s[i * KEYS + u] = p;
                    l[i] += p;
                }
                [[unroll]] for (uint c = 0u; c < O4; ++c) o[i * O4 + c] *= fade;
            }
            [[unroll]] for (uint c = 0u; c < O4; ++c)
                [[unroll]] for (uint u = 0u; u < KEYS; ++u) {
#ifdef BROADCAST
                    if (c % LANES == 0u)
                        read[u] = READ_CACHE(v_cache, at[u], VALUE, min(c + gl_SubgroupInvocationID, VALUE4 - 1u));
                    vec4 v = subgroupShuffle(read[u], c % LANES);
#else
                    vec4 v = sh_v[(base + u) * VALUE4 + c * SPLIT + part];
#endif
                    [[unroll]] for (uint i = 0u; i < ROWS; ++i) o[i * O4 + c] += s[i * KEYS + u] * v;
                }
        }
    }

    [[unroll]] for (uint i = 0u; i < ROWS; ++i) {
        uint row = tile + i * (LOCAL / SPLIT) + lane / SPLIT, token = first + row / GROUP;
        if (row < rows) {
            float factor = 1.0;
            if ((OPTIONS & SINKS) != 0u) {
                float top = max(m[i], sinks[head[i]]);
                factor = exp(m[i] - top);
                l[i] = l[i] * factor + exp(sinks[head[i]] - top);
                m[i] = top;
            }
            factor = l[i] > 0.0 ? factor / l[i] : 0.0;
            uint at = token * push.y_stride + push.y_start + head[i] * VALUE + 4u * part;
            [[unroll]] for (uint c = 0u; c < O4; ++c) {
                vec4 v = o[i * O4 + c] * factor;
                [[unroll]] for (uint e = 0u; e < 4u; ++e) y[at + 4u * SPLIT * c + e] = v[e];
            }
            if ((OPTIONS & LSE) != 0u && part == 0u)
                lse[token * push.kv_heads * GROUP + head[i]] =
                    l[i] > 0.0 ? m[i] + log(l[i]) : uintBitsToFloat(0xff800000u);
        }
    }
}
