// SPDX-License-Identifier: Apache-2.0
// The recurrence of RWKV-7 (Peng et al. 2025, RWKV-7 "Goose", equation 16), with states turned: [K, V] in place of
// [V, K]. With d = exp(w), for each column of the state:
//   S_t = diag(d) S_{t-1} + b (a^T S_{t-1}) + k v^T;  o = S_t^T r = S_{t-1}^T (d r) + (r . b) (a^T S_{t-1}) + (r . k) v
// One workgroup owns some columns of the state of one head and one sequence and walks through the tokens. A thread
// keeps COLUMNS whole columns in registers; it makes the state of a token and multiplies it with what the next token
// asks for in one go, so that each token costs one pass. Decays are only ever multiplied in: no exponent is positive.
// Reads r, w, k, a and b once a workgroup, v and y once in all, the state once a sequence.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint VECTORS = 16u; // K / 4, rounded up
layout(constant_id = 2) const uint COLUMNS = 1u;  // columns of the state a thread, LOCAL apart
layout(constant_id = 3) const uint STAGE = 11u;   // tokens in workgroup memory: (STAGE + 1) * VECTORS <= 192

layout(push_constant) uniform Push {
    uint heads, size, columns;                                              // heads, K and V
    uint stride, r_start, w_start, k_start, v_start, a_start, b_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer Rows { float rows[]; };          // [T, ..]: r, w, k, a, b [H, K], v [H, V]
layout(binding = 1) writeonly buffer Y { float y[]; };               // [T, H * V]
layout(binding = 2) buffer State { float state[]; };                 // [slots, H, K, V]
layout(binding = 3) readonly buffer Sequences { uint sequences[]; }; // [S, 8]

shared vec4 sh_a[192], sh_dr[192];             // [STAGE + 1, VECTORS]: a and d r, also of the token after the stage
shared vec4 sh_d[192], sh_k[192], sh_b[192];   // [STAGE, VECTORS]
shared float sh_rb[STAGE], sh_rk[STAGE];       // r . b, r . k

vec4 s[VECTORS * COLUMNS];                     // this thread's columns of the state

// Tokens from `token` on. Beyond the sequence and beyond K all is zero.
void stage(uint head, uint token, uint left) {
    for (uint n = gl_LocalInvocationID.x; n < (STAGE + 1u) * VECTORS; n += LOCAL) {
        uint t = n / VECTORS, d = n % VECTORS * 4u, at = (token + t) * push.stride + head * push.size + d;
        vec4 decay = vec4(0.0), r = vec4(0.0), k = vec4(0.0), a = vec4(0.0), b = vec4(0.0);
        [[unroll]] for (uint i = 0u; i < 4u; ++i)
            if (t < left && d + i < push.size) {
                decay[i] = exp(rows[at + push.w_start + i]);
                r[i] = rows[at + push.r_start + i];
                k[i] = rows[at + push.k_start + i];
                a[i] = rows[at + push.a_start + i];
                b[i] = rows[at + push.b_start + i];
            }
        sh_a[n] = a;
        sh_dr[n] = decay * r;
        if (t == STAGE) continue;
        sh_d[n] = decay;
        sh_k[n] = k;
        sh_b[n] = b;
    }
    for (uint t = gl_LocalInvocationID.x; t < min(STAGE, left); t += LOCAL) {
        uint at = (token + t) * push.stride + head * push.size;
        float rb = 0.0, rk = 0.0;
        for (uint d = 0u; d < push.size; ++d) {
            float r = rows[at + push.r_start + d];
            rb = fma(r, rows[at + push.b_start + d], rb);
            rk = fma(r, rows[at + push.k_start + d], rk);
        }
        sh_rb[t] = rb;
        sh_rk[t] = rk;
    }
}

float sum(vec4 v) { return (v.x + v.y) + (v.z + v.w); }

void main() {
    uint head = gl_WorkGroupID.y, sequence = gl_WorkGroupID.z * SEQ_STRIDE, count = sequences[sequence + SEQ_COUNT];
    if (count == 0u) return;
    uint first = gl_WorkGroupID.x * LOCAL * COLUMNS + gl_LocalInvocationID.x; // the columns: this, every LOCAL after it
    uint read_at = (sequences[sequence + SEQ_READ] * push.heads + head) * push.size * push.columns + first;
    uint write_at = (sequences[sequence + SEQ_WRITE] * push.heads + head) * push.size * push.columns + first;
    bool past = sequences[sequence + SEQ_PAST] > 0u;

    vec4 erased[COLUMNS], kept[COLUMNS]; // a^T S and (d r)^T S of the token that comes next
    [[unroll]] for (uint e = 0u; e < COLUMNS; ++e) erased[e] = kept[e] = vec4(0.0);
    for (uint begin = 0u; begin < count; begin += STAGE) {
        uint token = sequences[sequence + SEQ_FIRST] + begin, left = count - begin;
        barrier();
        stage(head, token, left);
        barrier();
        if (begin == 0u)
            [[unroll]] for (uint n = 0u; n < VECTORS; ++n)
                [[unroll]] for (uint e = 0u; e < COLUMNS; ++e) {
                    vec4 value = vec4(0.0);
                    [[unroll]] for (uint i = 0u; i < 4u; ++i)
                        if (past && 4u * n + i < push.size && first + e * LOCAL < push.columns)
                            value[i] = state[read_at + (4u * n + i) * push.columns + e * LOCAL];
                    s[n * COLUMNS + e] = value;
                    erased[e] = fma(sh_a[n], value, erased[e]);
                    kept[e] = fma(sh_dr[n], value, kept[e]);
                }
        for (uint t = 0u; t < min(STAGE, left); ++t) {
            float u[COLUMNS], v[COLUMNS];
            [[unroll]] for (uint e = 0u; e < COLUMNS; ++e) {
                uint column = first + e * LOCAL, row = token + t;
                bool real = column < push.columns;
                u[e] = sum(erased[e]);
                v[e] = real ? rows[row * push.stride + push.v_start + head * push.columns + column] : 0.0;
                if (real)
                    y[row * push.y_stride + push.y_start + head * push.columns + column] =
                        sum(kept[e]) + fma(sh_rb[t], u[e], sh_rk[t] * v[e]);
                erased[e] = kept[e] = vec4(0.0);
            }
            uint at = t * VECTORS;
            [[unroll]] for (uint n = 0u; n < VECTORS; ++n) {
                vec4 d = sh_d[at + n], k = sh_k[at + n], b = sh_b[at + n], a = sh_a[at + VECTORS + n],
                     dr = sh_dr[at + VECTORS + n];
                [[unroll]] for (uint e = 0u; e < COLUMNS; ++e) {
                    vec4 value = fma(d, s[n * COLUMNS + e], fma(b, vec4(u[e]), k * v[e]));
                    s[n * COLUMNS + e] = value;
                    erased[e] = fma(a, value, erased[e]);
                    kept[e] = fma(dr, value, kept[e]);
                }
            }
        }
    }
    [[unroll]] for (uint n = 0u; n < 4u * VECTORS; ++n)
        [[unroll]] for (uint e = 0u; e < COLUMNS; ++e)
            if (n < push.size && first + e * LOCAL < push.columns)
                state[write_at + n * push.columns + e * LOCAL] = s[n / 4u * COLUMNS + e][n % 4u];
}
