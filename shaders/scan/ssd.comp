// SPDX-License-Identifier: Apache-2.0
// First half of the chunked state-space duality scan (Dao & Gu 2024, Transformers are SSMs, section 6):
// everything that needs no state.
//   dt = clamp(softplus(dt_raw + bias), dt_min, dt_max)
//   M[i,j] = (C_i . B_j) exp(sum of dt A over (j, i]) dt_j  (j <= i), + D on the diagonal
// One workgroup takes a chunk of 16 tokens of one sequence and `block` heads of a group: C B^T once, then the decays of
// each head. It reads 8 N bytes a token for a block, and writes 80 bytes a token and head.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "step.glsl"
#include "chunk.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;  // CHUNK / DOWN * CHUNK / ACROSS
layout(constant_id = 1) const uint DOWN = 1u;    // rows of M a thread
layout(constant_id = 2) const uint ACROSS = 4u;  // columns of M a thread, a multiple of 4
layout(constant_id = 3) const uint PARTS = 3u;   // bit 0: bias, 1: D
#include "decay.glsl"

layout(push_constant) uniform Push {
    uint heads, group_heads, block, vectors; // heads a group, heads a workgroup, N / 4
    uint b_stride, b_start, c_stride, c_start, dt_stride, dt_start; // of b and c in vectors
    float dt_min, dt_max;
} push;
layout(binding = 0) readonly buffer B { vec4 b[]; };                   // [T, G * N]
layout(binding = 1) readonly buffer C { vec4 c[]; };                   // [T, G * N]
layout(binding = 2) readonly buffer Dt { float dt[]; };                // [T, H]
layout(binding = 3) readonly buffer DtBias { float dt_bias[]; };       // [H]
layout(binding = 4) readonly buffer A { float a[]; };                  // [H]
layout(binding = 5) readonly buffer D { float d[]; };                  // [H]
layout(binding = 6) writeonly buffer Mix { vec4 mix_rows[]; };         // [T, H, 5]: see chunk.glsl
layout(binding = 7) readonly buffer Sequences { uint sequences[]; };   // [S, 8]

shared float sh_dt[CHUNK];

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
    uint c_at = push.c_start + group * push.vectors, b_at = push.b_start + group * push.vectors;
    for (uint v = 0u; v < push.vectors; ++v) {
        vec4 own[DOWN];
        [[unroll]] for (uint n = 0u; n < DOWN; ++n)
            own[n] = c[(token + min(row + n * (CHUNK / DOWN), rows - 1u)) * push.c_stride + c_at + v];
        [[unroll]] for (uint m = 0u; m < ACROSS; ++m) {
            vec4 other = b[(token + min(column + m, rows - 1u)) * push.b_stride + b_at + v];
            [[unroll]] for (uint n = 0u; n < DOWN; ++n) product[n * ACROSS + m] += dot(own[n], other);
        }
    }

    for (uint next = in_group; next < min(in_group + push.block, push.group_heads); ++next) {
        uint head = group * push.group_heads + next;
        barrier();
        for (uint t = gl_LocalInvocationID.x; t < CHUNK; t += LOCAL) {
            float step_size = 0.0;
            if (t < rows)
                step_size = clamp(softplus(dt[(token + t) * push.dt_stride + push.dt_start + head] +
                                           ((PARTS & 1u) != 0u ? dt_bias[head] : 0.0)),
                                  push.dt_min, push.dt_max);
            sh_dt[t] = step_size;
            sh_decay[t] = t < rows ? step_size * a[head] : 0.0;
        }
        barrier();
        float diagonal = (PARTS & 2u) != 0u ? d[head] : 0.0;
        [[unroll]] for (uint n = 0u; n < DOWN; ++n) {
            uint i = row + n * (CHUNK / DOWN);
            uint at = ((token + i) * push.heads + head) * MIX_SSD;
            float decay[ACROSS];
            decays(i, column, decay);
            [[unroll]] for (uint m = 0u; m < ACROSS; m += 4u) {
                vec4 value;
                [[unroll]] for (uint k = 0u; k < 4u; ++k) {
                    uint j = column + m + k;
                    value[k] = j > i ? 0.0 : product[n * ACROSS + m + k] * decay[m + k] * sh_dt[j] +
                                             (j == i ? diagonal : 0.0);
                }
                if (i < rows) mix_rows[at + (column + m) / 4u] = value;
            }
            if (column == 0u && i < rows) {
                vec3 around = decays_around(i);
                mix_rows[at + FACTORS] = vec4(around.x, 0.0, around.y * sh_dt[i], around.z);
            }
        }
    }
}
