// SPDX-License-Identifier: Apache-2.0
// Softmax attention of one new token a sequence over a long cache, split over keys (Flash-Decoding, Dao et al. 2023):
// every split leaves its maximum m, sum l and output o, which attention_merge combines;
// a single split writes the result itself.
//   s_j = scale q.k_j, capped, + bias;  m = max s_j;  l = sum e^(s_j - m);  o = sum e^(s_j - m) v_j
// One workgroup: one split of one sequence, and up to HEADS query heads of one kv head, so that keys and values are
// read once for all of them. A team of TEAM threads takes TEAM keys at a time: each thread reads every TEAM-th group of
// four channels of all of them, then the partial sums are exchanged so that each thread has the whole score of one key.
// Teams have a softmax each and are merged at the end. Reads (d + dv) elements a key.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef SUBGROUP
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "cache.glsl"
#include "math.glsl"
#include "step.glsl"
#include "scores.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint HEAD = 64u;
layout(constant_id = 2) const uint VALUE = 64u;
layout(constant_id = 3) const uint GROUP = 1u; // query heads a kv head
layout(constant_id = 4) const uint HEADS = 1u; // of them in one workgroup
layout(constant_id = 5) const uint TEAM = 8u;  // a power of two, at most 8, that divides HEAD / 4 and VALUE / 4
layout(constant_id = 6) const uint OPTIONS = 1u;
layout(constant_id = 7) const uint SINGLE = 0u; // 1: one split is all, and writes y and lse
layout(constant_id = 8) const uint LANES = 8u;  // subgroup size as reported
// 1: threads keep the channels of q that they multiply, for devices whose registers are memory; 0: all teams read them
// in shared memory.
layout(constant_id = 9) const uint KEEP_Q = 0u;

layout(push_constant) uniform Push {
    uint q_stride, q_start, y_stride, y_start, kv_heads;
    uint capacity, first_slot, slots; // this dispatch serves slots [first_slot, first_slot + slots)
    uint window, ahead, chunk, bias_side, bias_columns;
    int bias_offset;
    float scale, softcap;
    uint split_keys, splits; // keys a split; splits that the partial tensors have room for
} push;
layout(binding = 0) readonly buffer Q { float q[]; };                // [T, H * d]
layout(binding = 1) readonly buffer KCache { CACHE k_cache[]; };     // [slots, G, capacity, d]
layout(binding = 2) readonly buffer VCache { CACHE v_cache[]; };     // [slots, G, capacity, dv]
layout(binding = 3) readonly buffer Sinks { float sinks[]; };        // [H]
layout(binding = 4) readonly buffer Bias { float bias[]; };          // [H, bias_columns] or [H, side, side]
layout(binding = 5) readonly buffer Sequences { uint sequences[]; }; // [S, 8]
layout(binding = 6) writeonly buffer Y { float y[]; };               // SINGLE: [T, H * dv]; else o [S, H, splits, dv]
layout(binding = 7) writeonly buffer LogSum { float lse[]; };        // SINGLE: [T, H]; else m, l [S, H, splits, 2]

#include "lane.glsl"

const uint HEAD4 = HEAD / 4u, VALUE4 = VALUE / 4u, K4 = HEAD4 / TEAM, V4 = VALUE4 / TEAM, TEAMS = LOCAL / TEAM;
const uint SCORES = TEAM * HEADS;                         // of a team's keys
const uint SWAPS = TEAM > 1u ? TEAM / 2u * HEADS : HEADS; // values a thread exchanges at once

shared float sh_top[TEAMS * HEADS];
shared float sh_sum[TEAMS * HEADS];
shared vec4 sh_team[TEAMS > 1u ? TEAMS * VALUE4 : 1u];
shared vec4 sh_q[KEEP_Q == 1u ? 1u : HEADS * HEAD4];

#ifdef SUBGROUP
float other(float v, uint bit) { return subgroupShuffleXor(v, bit); } // that of the thread whose number differs in bit
#else
shared float sh_swap[SWAPS * LOCAL];
#endif

// The values of the thread whose number differs in `bit`.
void exchange(float v[HEADS], uint bit, out float others[HEADS]) {
#ifdef SUBGROUP
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) others[h] = other(v[h], bit);
#else
    uint lane = lane_index();
    barrier();
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) sh_swap[h * LOCAL + lane] = v[h];
    barrier();
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) others[h] = sh_swap[h * LOCAL + (lane ^ bit)];
#endif
}

// Of the sums of 2 `bit` keys a thread gives those of one half to the thread whose number differs in `bit`, and adds
// that thread's share of those it keeps.
void halve(inout float s[SCORES], uint bit) {
    if (bit >= TEAM) return;
    uint lane = lane_index();
    bool upper = (lane & bit) != 0u;
#ifdef SUBGROUP
    [[unroll]] for (uint i = 0u; i < bit * HEADS; ++i) {
        float low = s[i], high = s[i + bit * HEADS];
        s[i] = (upper ? high : low) + other(upper ? low : high, bit);
    }
#else
    barrier();
    [[unroll]] for (uint i = 0u; i < bit * HEADS; ++i) {
        float low = s[i], high = s[i + bit * HEADS];
        s[i] = upper ? high : low;
        sh_swap[i * LOCAL + lane] = upper ? low : high;
    }
    barrier();
    [[unroll]] for (uint i = 0u; i < bit * HEADS; ++i) s[i] += sh_swap[i * LOCAL + (lane ^ bit)];
#endif
}

// The query head in place `at` of a kv head; places past the last repeat it, and are not written.
uint head_of(uint kv_head, uint at) { return kv_head * GROUP + min(at, GROUP - 1u); }
vec4 scaled_q(uint at) { return push.scale * vec4(q[at], q[at + 1u], q[at + 2u], q[at + 3u]); }

void main() {
    uint lane = lane_index(), team = TEAMS == 1u ? 0u : lane / TEAM, member = lane % TEAM,
         sequence = gl_WorkGroupID.y * SEQ_STRIDE;
    uint blocks_of_heads = (GROUP + HEADS - 1u) / HEADS, kv_head = gl_WorkGroupID.x / blocks_of_heads,
         first_head = gl_WorkGroupID.x % blocks_of_heads * HEADS;
    uint slot = sequences[sequence + SEQ_SLOT] - push.first_slot, token = sequences[sequence + SEQ_FIRST],
         position = sequences[sequence + SEQ_PAST];
    uint keys = (OPTIONS & CROSS) != 0u ? sequences[sequence + SEQ_MEMORY] : position + 1u;
    uvec2 seen = visible_keys(OPTIONS, position, keys, push.window, push.ahead, push.chunk, 0u);
    uint begin = seen.x + gl_WorkGroupID.z * push.split_keys, end = min(begin + push.split_keys, seen.y);
    if (sequences[sequence + SEQ_COUNT] == 0u || slot >= push.slots) return;
    if (begin >= end && (SINGLE == 0u || gl_WorkGroupID.z > 0u)) return;

    uint head[HEADS];
    vec4 qs[KEEP_Q == 1u ? HEADS * K4 : 1u], o[HEADS * V4];
    float m[HEADS], l[HEADS];
    uint q_at = token * push.q_stride + push.q_start;
    if (KEEP_Q == 0u) {
        for (uint e = lane; e < HEADS * HEAD4; e += LOCAL)
            sh_q[e] = scaled_q(q_at + head_of(kv_head, first_head + e / HEAD4) * HEAD + 4u * (e % HEAD4));
        barrier();
    }
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
        head[h] = head_of(kv_head, first_head + h);
        if (KEEP_Q == 1u)
            [[unroll]] for (uint c = 0u; c < K4; ++c)
                qs[h * K4 + c] = scaled_q(q_at + head[h] * HEAD + 4u * (TEAM * c + member));
        [[unroll]] for (uint c = 0u; c < V4; ++c) o[h * V4 + c] = vec4(0.0);
        m[h] = LOWEST;
        l[h] = 0.0;
    }
    uint first_row = cache_head(slot, push.kv_heads, kv_head, push.capacity);
    uint ring = begin % push.capacity; // row of key `begin`; all keys that are read lie less than a capacity beyond it

    for (uint block = begin; block < end; block += TEAMS * TEAM) {
        uint row[TEAM];
        float s[SCORES], top[HEADS];
        [[unroll]] for (uint u = 0u; u < TEAM; ++u) {
            row[u] = cache_row(first_row, push.capacity, ring + min(block + team * TEAM + u, end - 1u) - begin);
            [[unroll]] for (uint h = 0u; h < HEADS; ++h) s[u * HEADS + h] = 0.0;
        }
        if (KEEP_Q == 1u)
            [[unroll]] for (uint u = 0u; u < TEAM; ++u)
                [[unroll]] for (uint c = 0u; c < K4; ++c) {
                    vec4 k = READ_CACHE(k_cache, row[u], HEAD, c * TEAM + member);
                    [[unroll]] for (uint h = 0u; h < HEADS; ++h) s[u * HEADS + h] += dot(qs[h * K4 + c], k);
                }
        else // a loop, or compilers read all keys before they multiply, and have no registers for them
            [[dont_unroll]] for (uint c = 0u; c < K4; ++c) {
                vec4 q_c[HEADS];
                [[unroll]] for (uint h = 0u; h < HEADS; ++h) q_c[h] = sh_q[h * HEAD4 + c * TEAM + member];
                [[unroll]] for (uint u = 0u; u < TEAM; ++u) {
                    vec4 k = READ_CACHE(k_cache, row[u], HEAD, c * TEAM + member);
                    [[unroll]] for (uint h = 0u; h < HEADS; ++h) s[u * HEADS + h] += dot(q_c[h], k);
                }
            }
        halve(s, 4u);
        halve(s, 2u);
        halve(s, 1u); // each thread has the whole score of one key
        uint key = block + lane; // team * TEAM + member
        [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
            s[h] = cap_score(OPTIONS, s[h], push.softcap);
            if ((OPTIONS & BIAS) != 0u)
                s[h] += bias[bias_index(OPTIONS, head[h], position, key, push.bias_offset, push.bias_side,
                                        push.bias_columns, max(sequences[sequence + SEQ_MEMORY], 1u))];
            top[h] = key < end ? max(m[h], s[h]) : m[h];
        }
        [[unroll]] for (uint bit = 1u; bit < TEAM; bit *= 2u) {
            float swap[HEADS];
            exchange(top, bit, swap);
            [[unroll]] for (uint h = 0u; h < HEADS; ++h) top[h] = max(top[h], swap[h]);
        }
        [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
            float fade = exp(m[h] - top[h]);
            m[h] = top[h];
            s[h] = key < end ? exp(s[h] - top[h]) : 0.0;
            l[h] = l[h] * fade + s[h];
            [[unroll]] for (uint c = 0u; c < V4; ++c) o[h * V4 + c] *= fade;
        }
#ifndef SUBGROUP
        barrier();
        [[unroll]] for (uint h = 0u; h < HEADS; ++h) sh_swap[h * LOCAL + lane] = s[h];
        barrier();
#endif
        [[unroll]] for (uint u = 0u; u < TEAM; ++u) {
            float p[HEADS];
            // A subgroup may have fewer lanes than the device reports.
            [[unroll]] for (uint h = 0u; h < HEADS; ++h)
#ifdef SUBGROUP
                p[h] = subgroupShuffle(s[h], (TEAM == LANES ? 0u : gl_SubgroupInvocationID - member) + u);
#else
                p[h] = sh_swap[h * LOCAL + lane - member + u];
#endif
            [[unroll]] for (uint c = 0u; c < V4; ++c) {
                vec4 v = READ_CACHE(v_cache, row[u], VALUE, c * TEAM + member);
                [[unroll]] for (uint h = 0u; h < HEADS; ++h) o[h * V4 + c] += p[h] * v;
            }
        }
    }

    [[unroll]] for (uint bit = 1u; bit < TEAM; bit *= 2u) {
        float swap[HEADS];
        exchange(l, bit, swap);
        [[unroll]] for (uint h = 0u; h < HEADS; ++h) l[h] += swap[h];
    }
    if (TEAMS > 1u) {
        if (member == 0u)
            [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
                sh_top[team * HEADS + h] = m[h];
                sh_sum[team * HEADS + h] = l[h];
            }
        barrier();
    }
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
        if (TEAMS > 1u) { // in the order of the teams
            float top = sh_top[h];
            for (uint t = 1u; t < TEAMS; ++t) top = max(top, sh_top[t * HEADS + h]);
            float fade = exp(m[h] - top);
            m[h] = top;
            l[h] = 0.0;
            for (uint t = 0u; t < TEAMS; ++t) l[h] += sh_sum[t * HEADS + h] * exp(sh_top[t * HEADS + h] - top);
            barrier();
            [[unroll]] for (uint c = 0u; c < V4; ++c) sh_team[team * VALUE4 + c * TEAM + member] = o[h * V4 + c] * fade;
            barrier();
            [[unroll]] for (uint c = 0u; c < V4; ++c) {
                o[h * V4 + c] = vec4(0.0);
                if (team == 0u)
                    for (uint t = 0u; t < TEAMS; ++t) o[h * V4 + c] += sh_team[t * VALUE4 + c * TEAM + member];
            }
        }
        float factor = 1.0;
        uint split = ((gl_WorkGroupID.y * push.kv_heads * GROUP + head[h]) * push.splits + gl_WorkGroupID.z);
        uint at = SINGLE == 1u ? token * push.y_stride + push.y_start + head[h] * VALUE : split * VALUE;
        if (SINGLE == 1u && (OPTIONS & SINKS) != 0u) {
            float top = max(m[h], sinks[head[h]]);
            factor = exp(m[h] - top);
            l[h] = l[h] * factor + exp(sinks[head[h]] - top);
            m[h] = top;
        }
        if (SINGLE == 1u) factor = l[h] > 0.0 ? factor / l[h] : 0.0;
        if (team == 0u && first_head + h < GROUP) {
            [[unroll]] for (uint c = 0u; c < V4; ++c)
                [[unroll]] for (uint e = 0u; e < 4u; ++e)
                    y[at + 4u * (c * TEAM + member) + e] = o[h * V4 + c][e] * factor;
            if (member == 0u && SINGLE == 1u && (OPTIONS & LSE) != 0u)
                lse[token * push.kv_heads * GROUP + head[h]] =
                    l[h] > 0.0 ? m[h] + log(l[h]) : uintBitsToFloat(0xff800000u);
            if (member == 0u && SINGLE == 0u) {
                lse[split * 2u] = m[h];
                lse[split * 2u + 1u] = l[h];
            }
        }
    }
}
