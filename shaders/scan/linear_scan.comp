// SPDX-License-Identifier: Apache-2.0
// First half of chunked linear attention with at most one decay a token and head (Sun et al. 2023, Retentive network,
// equation 7; Qin et al. 2024, Lightning attention-2, section 3): everything that needs no state.
//   M[i,j] = scale (q_i . k_j) exp(sum of the decays' logarithms over (j, i])  (j <= i)
// One workgroup takes a chunk of 16 tokens of one sequence and `block` heads of a key head: Q K^T once, then the decays
// of each head. It reads 8 K bytes a token for a block, and writes 80 bytes a token and head.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"
#include "chunk.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;  // CHUNK / DOWN * CHUNK / ACROSS
layout(constant_id = 1) const uint DOWN = 1u;    // rows of M a thread
layout(constant_id = 2) const uint ACROSS = 4u;  // columns of M a thread, a multiple of 4
layout(constant_id = 3) const uint DECAY = 1u;   // 0: none
#include "decay.glsl"

layout(push_constant) uniform Push {
    uint heads, group_heads, block, vectors; // heads a key head, heads a workgroup, K / 4
    uint q_stride, q_start, k_stride, k_start, decay_stride, decay_start; // of q and k in vectors
    float scale;
} push;
layout(binding = 0) readonly buffer Q { vec4 q[]; };                 // [T, Hk * K]
layout(binding = 1) readonly buffer K { vec4 k[]; };                 // [T, Hk * K]
layout(binding = 2) readonly buffer D { float log_decay[]; };        // [T, H]
layout(binding = 3) writeonly buffer Mix { vec4 mix_rows[]; };       // [T, H, 5]: see chunk.glsl
layout(binding = 4) readonly buffer Sequences { uint sequences[]; }; // [S, 8]

void main() {
    uint sequence = gl_WorkGroupID.z * SEQ_STRIDE, count = sequences[sequence + SEQ_COUNT],
         begin = gl_WorkGroupID.y * CHUNK;
    if (begin >= count) return;
    uint rows = min(CHUNK, count - begin), token = sequences[sequence + SEQ_FIRST] + begin;
    uint blocks = (push.group_heads + push.block - 1u) / push.block;
    uint group = gl_WorkGroupID.x / blocks, in_group = gl_WorkGroupID.x % blocks * push.block;
    uint row = gl_LocalInvocationID.x % (CHUNK / DOWN); // and every CHUNK / DOWN rows after it
    uint column = ACROSS == CHUNK ? 0u : gl_LocalInvocationID.x / (CHUNK / DOWN) * ACROSS;

    float product[DOWN * ACROSS];
    [[unroll]] for (uint n = 0u; n < DOWN * ACROSS; ++n) product[n] = 0.0;
    // Rows beyond the sequence repeat its last one: their products are never used.
    uint q_at = push.q_start + group * push.vectors, k_at = push.k_start + group * push.vectors;
    for (uint v = 0u; v < push.vectors; ++v) {
        vec4 own[DOWN];
        [[unroll]] for (uint n = 0u; n < DOWN; ++n)
            own[n] = q[(token + min(row + n * (CHUNK / DOWN), rows - 1u)) * push.q_stride + q_at + v];
        [[unroll]] for (uint m = 0u; m < ACROSS; ++m) {
            vec4 other = k[(token + min(column + m, rows - 1u)) * push.k_stride + k_at + v];
            [[unroll]] for (uint n = 0u; n < DOWN; ++n) product[n * ACROSS + m] += dot(own[n], other);
        }
    }

    for (uint next = in_group; next < min(in_group + push.block, push.group_heads); ++next) {
        uint head = group * push.group_heads + next;
        barrier();
        for (uint t = gl_LocalInvocationID.x; t < CHUNK; t += LOCAL)
            sh_decay[t] = DECAY == 1u && t < rows
                              ? log_decay[(token + t) * push.decay_stride + push.decay_start + head] : 0.0;
        barrier();
        [[unroll]] for (uint n = 0u; n < DOWN; ++n) {
            uint i = row + n * (CHUNK / DOWN);
            uint at = ((token + i) * push.heads + head) * MIX_SSD;
            float decay[ACROSS];
            decays(i, column, decay);
            [[unroll]] for (uint m = 0u; m < ACROSS; m += 4u) {
                vec4 value;
                [[unroll]] for (uint l = 0u; l < 4u; ++l)
                    value[l] = column + m + l > i ? 0.0 : push.scale * product[n * ACROSS + m + l] * decay[m + l];
                if (i < rows) mix_rows[at + (column + m) / 4u] = value;
            }
            if (column == 0u && i < rows) {
                vec3 around = decays_around(i);
                mix_rows[at + FACTORS] = vec4(push.scale * around.x, 0.0, around.y, around.z);
            }
        }
    }
}
