// SPDX-License-Identifier: Apache-2.0
// The step form of linear_scan (Yang et al. 2024, Gated linear attention, equation 3; the bonus u: Peng et al. 2024,
// Eagle and Finch, section 4): one new token of every sequence.
//   S_t = diag(d) S_{t-1} + k v^T;  o = scale q^T S_t, with a bonus o = scale q^T (S_{t-1} + diag(u) k v^T)
// One workgroup does LOCAL / PARTS columns of the state of one head and one sequence; PARTS threads share a column.
// Bytes: the state is read and written once, 8 K V a head.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 128u;
layout(constant_id = 1) const uint PARTS = 4u;  // threads a column; divides LOCAL
layout(constant_id = 2) const uint DECAY = 2u;  // 0: none, 1: one a token and head, 2: one a key channel
layout(constant_id = 3) const uint BONUS = 0u;
const uint ACROSS = LOCAL / PARTS;
const uint BATCH = 8u; // rows whose values are read before the first of them is written

layout(push_constant) uniform Push {
    uint heads, ratio, size, columns; // heads, heads a key head, K, V
    uint q_stride, q_start, k_stride, k_start, v_stride, v_start, decay_stride, decay_start, y_stride, y_start;
    float scale;
} push;
layout(binding = 0) readonly buffer Q { float q[]; };                // [T, Hk * K]
layout(binding = 1) readonly buffer K { float k[]; };                // [T, Hk * K]
layout(binding = 2) readonly buffer V { float v[]; };                // [T, H * V]
layout(binding = 3) readonly buffer D { float log_decay[]; };        // [T, H] or [T, H * K]
layout(binding = 4) readonly buffer U { float bonus[]; };            // [H, K]
layout(binding = 5) writeonly buffer Y { float y[]; };               // [T, H * V]
layout(binding = 6) buffer State { float state[]; };                 // [slots, H, K, V]
layout(binding = 7) readonly buffer Sequences { uint sequences[]; }; // [S, 8]

shared vec4 sh_row[256];   // query, key, decay and bonus of a row of the state
shared float sh_sum[128];

void main() {
    uint head = gl_WorkGroupID.y, sequence = gl_WorkGroupID.z * SEQ_STRIDE, thread = gl_LocalInvocationID.x;
    if (sequences[sequence + SEQ_COUNT] == 0u) return;
    uint token = sequences[sequence + SEQ_FIRST];
    uint part = PARTS == 1u ? 0u : thread / ACROSS, column = gl_WorkGroupID.x * ACROSS + thread % ACROSS;
    uint read_at = (sequences[sequence + SEQ_READ] * push.heads + head) * push.size * push.columns + column;
    uint write_at = (sequences[sequence + SEQ_WRITE] * push.heads + head) * push.size * push.columns + column;
    bool past = sequences[sequence + SEQ_PAST] > 0u;

    uint decay_at = token * push.decay_stride + push.decay_start + head * (DECAY == 2u ? push.size : 1u);
    for (uint d = thread; d < push.size; d += LOCAL) {
        uint in_key = head / push.ratio * push.size + d;
        sh_row[d] = vec4(push.scale * q[token * push.q_stride + push.q_start + in_key],
                         k[token * push.k_stride + push.k_start + in_key],
                         DECAY == 0u ? 1.0 : exp(log_decay[decay_at + (DECAY == 2u ? d : 0u)]),
                         BONUS == 1u ? bonus[head * push.size + d] : 0.0);
    }
    barrier();

    float sum = 0.0;
    if (column < push.columns) {
        float value = v[token * push.v_stride + push.v_start + head * push.columns + column];
        for (uint first = part; first < push.size; first += BATCH * PARTS) {
            float before[BATCH];
            [[unroll]] for (uint n = 0u; n < BATCH; ++n) {
                uint d = first + n * PARTS;
                before[n] = past && d < push.size ? state[read_at + d * push.columns] : 0.0;
            }
            [[unroll]] for (uint n = 0u; n < BATCH; ++n) {
                uint d = first + n * PARTS;
                if (d < push.size) {
                    vec4 row = sh_row[d];
                    float added = row.y * value, after = fma(row.z, before[n], added);
                    state[write_at + d * push.columns] = after;
                    sum = fma(row.x, BONUS == 1u ? fma(row.w, added, before[n]) : after, sum);
                }
            }
        }
    }
    sh_sum[thread] = sum;
    barrier();
    if (part > 0u || column >= push.columns) return;
    for (uint p = 1u; p < PARTS; ++p) sum += sh_sum[p * ACROSS + thread];
    y[token * push.y_stride + push.y_start + head * push.columns + column] = sum;
}
