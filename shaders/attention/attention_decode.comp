// SPDX-License-Identifier: Apache-2.0
// Softmax attention of one new token a sequence over a long cache, split over keys (Flash-Decoding, Dao et al. 2023): every split leaves its maximum m, sum l and
// output o, which attention_merge combines; a single split writes the result itself.
//   s_j = scale q.k_j, capped, + bias;  m = max s_j;  l = sum e^(s_j - m);  o = sum e^(s_j - m) v_j
// One workgroup: one split of one sequence, and up to HEADS query heads of one kv head, so that keys and values are read once for all of them. It walks over the
// keys in blocks of LOCAL * LANE_KEYS: first a thread has whole keys (scores), then four channels of the values of every TEAMS-th key (output).
// Reads (d + dv) elements a key.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "step.glsl"
#include "scores.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint HEAD = 64u;
layout(constant_id = 2) const uint VALUE = 64u;
layout(constant_id = 3) const uint GROUP = 1u; // query heads a kv head
layout(constant_id = 4) const uint HEADS = 1u; // of them in one workgroup
layout(constant_id = 5) const uint LANE_KEYS = 1u;
layout(constant_id = 6) const uint OPTIONS = 1u;
layout(constant_id = 7) const uint SINGLE = 0u; // 1: one split is all, and writes y and lse

layout(push_constant) uniform Push {
    uint q_stride, q_start, y_stride, y_start, kv_heads;
    uint capacity, first_slot, slots; // this dispatch serves slots [first_slot, first_slot + slots)
    uint window, ahead, chunk, bias_columns;
    int bias_offset;
    float scale, softcap;
    uint split_keys, splits; // keys a split; splits that the partial tensors have room for
} push;
layout(binding = 0) readonly buffer Q { float q[]; };                // [T, H * d]
layout(binding = 1) readonly buffer KCache { CACHE k_cache[]; };     // [slots, capacity, G * d]
layout(binding = 2) readonly buffer VCache { CACHE v_cache[]; };     // [slots, capacity, G * dv]
layout(binding = 3) readonly buffer Sinks { float sinks[]; };        // [H]
layout(binding = 4) readonly buffer Bias { float bias[]; };          // [H, bias_columns]
layout(binding = 5) readonly buffer Sequences { uint sequences[]; }; // [S, 8]
layout(binding = 6) writeonly buffer Y { float y[]; };               // SINGLE: [T, H * dv]; else o of each split: [S, H, splits, dv]
layout(binding = 7) writeonly buffer LogSum { float lse[]; };        // SINGLE: [T, H]; else m and l of each split: [S, H, splits, 2]

const uint HEAD4 = HEAD / 4u, VALUE4 = VALUE / 4u;
const uint BLOCK = LOCAL * LANE_KEYS, TEAMS = LOCAL / VALUE4, SCANS = 8u;

shared vec4 sh_q[HEADS * HEAD4];
shared float sh_p[HEADS * BLOCK];
shared float sh_lane[HEADS * LOCAL]; // what each thread has: a maximum, or a sum
shared float sh_scan[HEADS * SCANS];
shared vec4 sh_team[LOCAL];

// Combines `value` of all threads, for every head, in a fixed order: SCANS threads a head fold the lanes, then every thread folds those.
float fold(uint kind, float a, float b) { return kind == 0u ? max(a, b) : a + b; }
void combine(uint kind, inout float value[HEADS]) {
    uint lane = gl_LocalInvocationID.x;
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) sh_lane[h * LOCAL + lane] = value[h];
    barrier();
    for (uint e = lane; e < HEADS * SCANS; e += LOCAL) {
        float v = kind == 0u ? LOWEST : 0.0;
        for (uint k = e % SCANS; k < LOCAL; k += SCANS) v = fold(kind, v, sh_lane[e / SCANS * LOCAL + k]);
        sh_scan[e] = v;
    }
    barrier();
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
        value[h] = sh_scan[h * SCANS];
        for (uint k = 1u; k < SCANS; ++k) value[h] = fold(kind, value[h], sh_scan[h * SCANS + k]);
    }
}

void main() {
    uint lane = gl_LocalInvocationID.x, sequence = gl_WorkGroupID.y * SEQ_STRIDE;
    uint blocks_of_heads = (GROUP + HEADS - 1u) / HEADS, kv_head = gl_WorkGroupID.x / blocks_of_heads, first_head = gl_WorkGroupID.x % blocks_of_heads * HEADS;
    uint slot = sequences[sequence + SEQ_SLOT] - push.first_slot, token = sequences[sequence + SEQ_FIRST], position = sequences[sequence + SEQ_PAST];
    uint keys = (OPTIONS & CROSS) != 0u ? sequences[sequence + SEQ_LENGTH] : position + 1u;
    uvec2 seen = visible_keys(OPTIONS, position, keys, push.window, push.ahead, push.chunk);
    uint begin = seen.x + gl_WorkGroupID.z * push.split_keys, end = min(begin + push.split_keys, seen.y);
    if (slot >= push.slots || (begin >= end && (SINGLE == 0u || gl_WorkGroupID.z > 0u))) return;

    uint head[HEADS];
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) head[h] = kv_head * GROUP + min(first_head + h, GROUP - 1u); // those past the last are computed and not written
    for (uint e = lane; e < HEADS * HEAD4; e += LOCAL) {
        uint at = token * push.q_stride + push.q_start + (kv_head * GROUP + min(first_head + e / HEAD4, GROUP - 1u)) * HEAD + 4u * (e % HEAD4);
        sh_q[e] = push.scale * vec4(q[at], q[at + 1u], q[at + 2u], q[at + 3u]);
    }
    barrier();

    uint team = TEAMS == 1u ? 0u : lane / VALUE4, channel = TEAMS == 1u ? lane : lane % VALUE4; // four channels
    uint k_row = push.kv_heads * HEAD4, v_row = push.kv_heads * VALUE4, slot_row = slot * push.capacity, ring = begin % push.capacity;
    float m[HEADS], l[HEADS];
    vec4 o[HEADS];
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
        m[h] = LOWEST;
        l[h] = 0.0;
        o[h] = vec4(0.0);
    }
    for (uint block = begin; block < end; block += BLOCK) {
        float s[LANE_KEYS * HEADS], top[HEADS];
        uint row[LANE_KEYS];
        [[unroll]] for (uint u = 0u; u < LANE_KEYS; ++u) {
            uint at = ring + min(block + u * LOCAL + lane, end - 1u) - begin;
            row[u] = (slot_row + (at >= push.capacity ? at - push.capacity : at)) * k_row + kv_head * HEAD4;
            [[unroll]] for (uint h = 0u; h < HEADS; ++h) s[u * HEADS + h] = 0.0;
        }
        for (uint c = 0u; c < HEAD4; ++c)
            [[unroll]] for (uint u = 0u; u < LANE_KEYS; ++u) {
                vec4 k = unpack_cache(k_cache[row[u] + c]);
                [[unroll]] for (uint h = 0u; h < HEADS; ++h) s[u * HEADS + h] += dot(sh_q[h * HEAD4 + c], k);
            }
        [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
            top[h] = m[h];
            [[unroll]] for (uint u = 0u; u < LANE_KEYS; ++u) {
                uint key = block + u * LOCAL + lane;
                float score = cap_score(OPTIONS, s[u * HEADS + h], push.softcap);
                if ((OPTIONS & BIAS) != 0u) score += bias[head[h] * push.bias_columns + bias_column(key, position, push.bias_offset, push.bias_columns)];
                s[u * HEADS + h] = score;
                if (key < end) top[h] = max(top[h], score);
            }
        }
        combine(0u, top);
        [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
            float fade = exp(m[h] - top[h]);
            m[h] = top[h];
            l[h] *= fade;
            o[h] *= fade;
            [[unroll]] for (uint u = 0u; u < LANE_KEYS; ++u) {
                float p = block + u * LOCAL + lane < end ? exp(s[u * HEADS + h] - top[h]) : 0.0;
                l[h] += p;
                sh_p[h * BLOCK + u * LOCAL + lane] = p;
            }
        }
        barrier();
        if (team < TEAMS)
            for (uint k = team; k < min(BLOCK, end - block); k += TEAMS) {
                uint at = ring + block + k - begin;
                vec4 v = unpack_cache(v_cache[(slot_row + (at >= push.capacity ? at - push.capacity : at)) * v_row + kv_head * VALUE4 + channel]);
                [[unroll]] for (uint h = 0u; h < HEADS; ++h) o[h] += sh_p[h * BLOCK + k] * v;
            }
    }
    combine(1u, l);
    uint partial = (gl_WorkGroupID.y * push.kv_heads * GROUP) * push.splits + gl_WorkGroupID.z;
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
        barrier();
        sh_team[lane] = o[h];
        barrier();
        if (first_head + h < GROUP && lane < VALUE4) {
            vec4 sum = sh_team[lane];
            for (uint k = 1u; k < TEAMS; ++k) sum += sh_team[k * VALUE4 + lane];
            float factor = 1.0;
            uint at = (partial + head[h] * push.splits) * VALUE + 4u * lane, at_lse = (partial + head[h] * push.splits) * 2u;
            if (SINGLE == 1u) {
                if ((OPTIONS & SINKS) != 0u) {
                    float top = max(m[h], sinks[head[h]]);
                    factor = exp(m[h] - top);
                    l[h] = l[h] * factor + exp(sinks[head[h]] - top);
                    m[h] = top;
                }
                factor = l[h] > 0.0 ? factor / l[h] : 0.0;
                at = token * push.y_stride + push.y_start + head[h] * VALUE + 4u * lane;
                if (lane == 0u && (OPTIONS & LSE) != 0u) lse[token * push.kv_heads * GROUP + head[h]] = l[h] > 0.0 ? m[h] + log(l[h]) : uintBitsToFloat(0xff800000u);
            } else if (lane == 0u) {
                lse[at_lse] = m[h];
                lse[at_lse + 1u] = l[h];
            }
            [[unroll]] for (uint e = 0u; e < 4u; ++e) y[at + e] = sum[e] * factor;
        }
    }
}
