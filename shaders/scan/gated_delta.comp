// SPDX-License-Identifier: Apache-2.0
// First half of the chunked gated delta rule (Yang et al. 2024, Gated Delta Networks, section 3.3; the WY form is
// Yang et al. 2024, Parallelizing linear transformers with the delta rule, section 3): everything that needs no state.
// With e[i,j] = exp(sum of g over (j, i]):
//   T = (I + tril(diag(beta) (K K^T . e), -1))^-1 diag(beta);  M[i,j] = scale (q_i . k_j) e[i,j]  (j <= i)
// One workgroup takes a chunk of 16 tokens of one sequence and a key head: K K^T and Q K^T once,
// then the decays and the inverse of each of its value heads. It reads 8 dk bytes a token and key head,
// and writes 144 bytes a token and value head.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "step.glsl"
#include "chunk.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;  // CHUNK / DOWN * CHUNK / ACROSS
layout(constant_id = 1) const uint DOWN = 1u;    // rows a thread
layout(constant_id = 2) const uint ACROSS = 4u;  // columns a thread, a multiple of 4
layout(constant_id = 3) const uint FLAGS = 7u;   // bit 0: dt_bias, 1: decay, 2: L2 norm of q and k
#include "decay.glsl"

layout(push_constant) uniform Push {
    uint heads, key_heads, ratio, vectors;           // Hv, Hk, neighbouring heads that share a key head, dk / 4
    uint q_stride, q_start, k_stride, k_start;       // in vectors
    uint b_stride, b_start, a_stride, a_start;
    float scale, beta_scale;
} push;
layout(binding = 0) readonly buffer Q { vec4 q[]; };                 // [T, Hk * dk]
layout(binding = 1) readonly buffer K { vec4 k[]; };                 // [T, Hk * dk]
layout(binding = 2) readonly buffer B { float b[]; };                // [T, Hv]
layout(binding = 3) readonly buffer A { float a[]; };                // [T, Hv]
layout(binding = 4) readonly buffer DtBias { float dt_bias[]; };     // [Hv]
layout(binding = 5) readonly buffer AHead { float a_head[]; };       // [Hv]
layout(binding = 6) writeonly buffer Mix { vec4 mix_rows[]; };       // [T, Hv, 9]: see chunk.glsl
layout(binding = 7) readonly buffer Sequences { uint sequences[]; }; // [S, 8]

shared float sh_beta[CHUNK];
shared float sh_k[CHUNK];              // 1 / |k|
shared float sh_a[CHUNK * CHUNK];      // the strictly lower triangle that I + .. is inverted of
shared float sh_t[CHUNK * CHUNK];

float inverse_length(float squares) { return (FLAGS & 4u) != 0u ? inversesqrt(squares + 1e-6) : 1.0; }

void main() {
    uint sequence = gl_WorkGroupID.z * SEQ_STRIDE, count = sequences[sequence + SEQ_COUNT],
         begin = gl_WorkGroupID.y * CHUNK;
    if (begin >= count) return;
    uint rows = min(CHUNK, count - begin), token = sequences[sequence + SEQ_FIRST] + begin;
    uint row = gl_LocalInvocationID.x % (CHUNK / DOWN); // and every CHUNK / DOWN rows after it
    uint column = ACROSS == CHUNK ? 0u : gl_LocalInvocationID.x / (CHUNK / DOWN) * ACROSS;

    float kk[DOWN * ACROSS], qk[DOWN * ACROSS], q_scale[DOWN];
    [[unroll]] for (uint n = 0u; n < DOWN * ACROSS; ++n) kk[n] = qk[n] = 0.0;
    vec2 squares[DOWN]; // |k|^2, |q|^2
    [[unroll]] for (uint n = 0u; n < DOWN; ++n) squares[n] = vec2(0.0);
    // Rows beyond the sequence repeat its last one: their products are never used.
    uint q_at = push.q_start + gl_WorkGroupID.x * push.vectors, k_at = push.k_start + gl_WorkGroupID.x * push.vectors;
    for (uint v = 0u; v < push.vectors; ++v) {
        vec4 own_k[DOWN], own_q[DOWN];
        [[unroll]] for (uint n = 0u; n < DOWN; ++n) {
            uint t = token + min(row + n * (CHUNK / DOWN), rows - 1u);
            own_k[n] = k[t * push.k_stride + k_at + v];
            own_q[n] = q[t * push.q_stride + q_at + v];
            squares[n] += vec2(dot(own_k[n], own_k[n]), dot(own_q[n], own_q[n]));
        }
        [[unroll]] for (uint m = 0u; m < ACROSS; ++m) {
            vec4 other = k[(token + min(column + m, rows - 1u)) * push.k_stride + k_at + v];
            [[unroll]] for (uint n = 0u; n < DOWN; ++n) {
                kk[n * ACROSS + m] += dot(own_k[n], other);
                qk[n * ACROSS + m] += dot(own_q[n], other);
            }
        }
    }
    [[unroll]] for (uint n = 0u; n < DOWN; ++n) {
        q_scale[n] = push.scale * inverse_length(squares[n].y);
        if (column == 0u) sh_k[row + n * (CHUNK / DOWN)] = inverse_length(squares[n].x);
    }

    for (uint n = 0u; n < push.heads / push.key_heads; ++n) { // those of which head / ratio % key_heads is this one
        uint head = (n / push.ratio * push.key_heads + gl_WorkGroupID.x) * push.ratio + n % push.ratio;
        barrier();
        for (uint t = gl_LocalInvocationID.x; t < CHUNK; t += LOCAL) {
            sh_beta[t] = t < rows ? push.beta_scale * sigmoid(b[(token + t) * push.b_stride + push.b_start + head])
                                  : 0.0;
            float g = 0.0;
            if ((FLAGS & 2u) != 0u && t < rows)
                g = a_head[head] * softplus(a[(token + t) * push.a_stride + push.a_start + head] +
                                            ((FLAGS & 1u) != 0u ? dt_bias[head] : 0.0));
            sh_decay[t] = g;
        }
        barrier();
        [[unroll]] for (uint n = 0u; n < DOWN; ++n) {
            uint i = row + n * (CHUNK / DOWN);
            uint at = ((token + i) * push.heads + head) * MIX_DELTA;
            float decay[ACROSS];
            decays(i, column, decay);
            [[unroll]] for (uint m = 0u; m < ACROSS; ++m) {
                uint j = column + m;
                sh_a[i * CHUNK + j] = j < i ? sh_beta[i] * sh_k[i] * sh_k[j] * decay[m] * kk[n * ACROSS + m] : 0.0;
            }
            [[unroll]] for (uint m = 0u; m < ACROSS; m += 4u) {
                vec4 value;
                [[unroll]] for (uint e = 0u; e < 4u; ++e) {
                    uint j = column + m + e;
                    value[e] = j > i ? 0.0 : q_scale[n] * sh_k[j] * decay[m + e] * qk[n * ACROSS + m + e];
                }
                if (i < rows) mix_rows[at + (column + m) / 4u] = value;
            }
            if (column == 0u && i < rows) {
                vec3 around = decays_around(i);
                mix_rows[at + FACTORS] = vec4(q_scale[n] * around.x, sh_k[i] * around.x, sh_k[i] * around.y, around.z);
            }
        }
        barrier();
        if (gl_LocalInvocationID.x < CHUNK / DOWN) { // forward substitution; a thread has whole columns of the inverse
            float t[CHUNK * DOWN];
            [[unroll]] for (uint i = 0u; i < CHUNK; ++i) {
                [[unroll]] for (uint n = 0u; n < DOWN; ++n) t[i * DOWN + n] = i == row + n * (CHUNK / DOWN) ? 1.0 : 0.0;
                [[unroll]] for (uint j = 0u; j < CHUNK; ++j)
                    if (j < i) {
                        float factor = sh_a[i * CHUNK + j];
                        [[unroll]] for (uint n = 0u; n < DOWN; ++n) t[i * DOWN + n] -= factor * t[j * DOWN + n];
                    }
                [[unroll]] for (uint n = 0u; n < DOWN; ++n) {
                    uint j = row + n * (CHUNK / DOWN);
                    sh_t[i * CHUNK + j] = t[i * DOWN + n] * sh_beta[j];
                }
            }
        }
        barrier();
        for (uint n = gl_LocalInvocationID.x; n < CHUNK * CHUNK / 4u; n += LOCAL)
            if (n / 4u < rows)
                mix_rows[((token + n / 4u) * push.heads + head) * MIX_DELTA + T_ROW + n % 4u] =
                    vec4(sh_t[4u * n], sh_t[4u * n + 1u], sh_t[4u * n + 2u], sh_t[4u * n + 3u]);
    }
}
