// SPDX-License-Identifier: Apache-2.0
// The step form of gated_delta (Yang et al. 2024, Gated Delta Networks, equation 10): one new token of every sequence.
//   S = exp(g) S;  u = beta (v - S^T k);  S = S + k u^T;  o = S^T q = exp(g) S_old^T q + (k . q) u
// One workgroup does LOCAL / PARTS columns of the state of one value head and one sequence; PARTS threads share
// a column. Bytes: the state is read and written once (read again from cache), 8 dk dv a value head.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 128u; // a power of two, at most 128
layout(constant_id = 1) const uint PARTS = 4u;   // threads a column; divides LOCAL
layout(constant_id = 2) const uint FLAGS = 7u;   // bit 0: dt_bias, 1: decay, 2: L2 norm of q and k
const uint ACROSS = LOCAL / PARTS;

layout(push_constant) uniform Push {
    uint heads, key_heads, ratio, size, columns; // Hv, Hk, neighbouring heads that share a key head, dk, dv
    uint stride, q_start, k_start, v_start, b_stride, b_start, a_stride, a_start, y_stride, y_start;
    float scale, beta_scale;
} push;
layout(binding = 0) readonly buffer Qkv { float qkv[]; };            // [T, ..]: q [Hk, dk], k [Hk, dk], v [Hv, dv]
layout(binding = 1) readonly buffer B { float b[]; };                // [T, Hv]
layout(binding = 2) readonly buffer A { float a[]; };                // [T, Hv]
layout(binding = 3) readonly buffer DtBias { float dt_bias[]; };     // [Hv]
layout(binding = 4) readonly buffer AHead { float a_head[]; };       // [Hv]
layout(binding = 5) writeonly buffer Y { float y[]; };               // [T, Hv * dv]
layout(binding = 6) buffer State { float state[]; };                 // [slots, Hv, dk, dv]
layout(binding = 7) readonly buffer Sequences { uint sequences[]; }; // [S, 8]

shared float sh_q[256], sh_k[256];
shared vec3 sh_sum[128];

// A tree over powers of two: the same order on every device.
vec3 workgroup_sum(vec3 value) {
    uint i = gl_LocalInvocationID.x;
    sh_sum[i] = value;
    barrier();
    for (uint half_size = LOCAL / 2u; half_size > 0u; half_size /= 2u) {
        if (i < half_size) sh_sum[i] += sh_sum[i + half_size];
        barrier();
    }
    vec3 total = sh_sum[0];
    barrier();
    return total;
}

void main() {
    uint head = gl_WorkGroupID.y, sequence = gl_WorkGroupID.z * SEQ_STRIDE, thread = gl_LocalInvocationID.x;
    if (sequences[sequence + SEQ_COUNT] == 0u) return;
    uint token = sequences[sequence + SEQ_FIRST], at = token * push.stride;
    uint part = PARTS == 1u ? 0u : thread / ACROSS, column = gl_WorkGroupID.x * ACROSS + thread % ACROSS;
    uint read_at = (sequences[sequence + SEQ_READ] * push.heads + head) * push.size * push.columns + column;
    uint write_at = (sequences[sequence + SEQ_WRITE] * push.heads + head) * push.size * push.columns + column;
    bool past = sequences[sequence + SEQ_PAST] > 0u && column < push.columns;

    uint key_at = at + head / push.ratio % push.key_heads * push.size;
    vec3 sums = vec3(0.0); // |k|^2, |q|^2, k . q
    for (uint d = thread; d < push.size; d += LOCAL) {
        float key = qkv[key_at + push.k_start + d];
        float query = qkv[key_at + push.q_start + d];
        sums += vec3(key * key, query * query, key * query);
        sh_k[d] = key;
        sh_q[d] = query;
    }
    sums = workgroup_sum(sums);
    vec2 lengths = (FLAGS & 4u) != 0u ? inversesqrt(sums.xy + 1e-6) : vec2(1.0);
    lengths.y *= push.scale;
    float beta = push.beta_scale * sigmoid(b[token * push.b_stride + push.b_start + head]), decay = 1.0;
    if ((FLAGS & 2u) != 0u)
        decay = exp(a_head[head] * softplus(a[token * push.a_stride + push.a_start + head] +
                                            ((FLAGS & 1u) != 0u ? dt_bias[head] : 0.0)));

    vec2 products = vec2(0.0); // of the old state with k and q
    if (past)
        for (uint d = part; d < push.size; d += PARTS)
            products += state[read_at + d * push.columns] * vec2(sh_k[d], sh_q[d]);
    if (PARTS > 1u) {
        sh_sum[thread] = vec3(products, 0.0);
        barrier();
        products = vec2(0.0);
        for (uint p = 0u; p < PARTS; ++p) products += sh_sum[p * ACROSS + thread % ACROSS].xy;
    }
    if (column >= push.columns) return;
    products *= lengths * decay;
    float u = beta * (qkv[at + push.v_start + head * push.columns + column] - products.x);
    if (part == 0u)
        y[token * push.y_stride + push.y_start + head * push.columns + column] =
            products.y + lengths.x * lengths.y * sums.z * u;
    u *= lengths.x;
    for (uint d = part; d < push.size; d += PARTS) {
        uint i = d * push.columns;
        state[write_at + i] = fma(sh_k[d], u, past ? decay * state[read_at + i] : 0.0);
    }
}
