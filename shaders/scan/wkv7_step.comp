// SPDX-License-Identifier: Apache-2.0
// The step form of wkv7 (Peng et al. 2025, RWKV-7 "Goose", equation 16): one new token of every sequence. With
// d = exp(w), for each column of the state [K, V]:
//   S = diag(d) S_old + b (a^T S_old) + k v^T;  o = S^T r
// One workgroup does LOCAL columns of the state of one head and one sequence, a thread each.
// Bytes: the state is read and written once (read again from cache), 8 K V a head.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;

layout(push_constant) uniform Push {
    uint heads, size, columns; // heads, K and V
    uint stride, r_start, w_start, k_start, v_start, a_start, b_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer Rows { float rows[]; };          // [T, ..]: r, w, k, a, b [H, K], v [H, V]
layout(binding = 1) writeonly buffer Y { float y[]; };               // [T, H * V]
layout(binding = 2) buffer State { float state[]; };                 // [slots, H, K, V]
layout(binding = 3) readonly buffer Sequences { uint sequences[]; }; // [S, 8]

shared vec4 sh_dkbr[256]; // d, k, b and r of each key channel
shared float sh_a[256];

void main() {
    uint head = gl_WorkGroupID.y, sequence = gl_WorkGroupID.z * SEQ_STRIDE;
    if (sequences[sequence + SEQ_COUNT] == 0u) return;
    uint token = sequences[sequence + SEQ_FIRST], column = gl_GlobalInvocationID.x;
    uint read_at = (sequences[sequence + SEQ_READ] * push.heads + head) * push.size * push.columns + column;
    uint write_at = (sequences[sequence + SEQ_WRITE] * push.heads + head) * push.size * push.columns + column;
    for (uint i = gl_LocalInvocationID.x; i < push.size; i += LOCAL) {
        uint at = token * push.stride + head * push.size + i;
        sh_dkbr[i] = vec4(exp(rows[at + push.w_start]), rows[at + push.k_start], rows[at + push.b_start],
                          rows[at + push.r_start]);
        sh_a[i] = rows[at + push.a_start];
    }
    barrier();
    if (column >= push.columns) return;

    bool past = sequences[sequence + SEQ_PAST] > 0u;
    float v = rows[token * push.stride + push.v_start + head * push.columns + column], erased = 0.0, o = 0.0;
    for (uint i = 0u; past && i < push.size; ++i) erased = fma(sh_a[i], state[read_at + i * push.columns], erased);
    for (uint i = 0u; i < push.size; ++i) {
        vec4 f = sh_dkbr[i];
        float added = fma(f.z, erased, f.y * v);
        float value = past ? fma(f.x, state[read_at + i * push.columns], added) : added;
        state[write_at + i * push.columns] = value;
        o = fma(f.w, value, o);
    }
    y[token * push.y_stride + push.y_start + head * push.columns + column] = o;
}
