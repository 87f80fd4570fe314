// SPDX-License-Identifier: Apache-2.0
// What RWKV-7 makes of a token's projections before its recurrence (Peng et al. 2025, RWKV-7 "Goose", equations 8 to
// 14), for each head of K key channels and V value channels:
//   n = k k_k / max(|k k_k|, 1e-12);  a = -n;  b = n rate;  k = k (1 + (rate - 1) k_a);  v = v + gate (v_first - v)
// One workgroup does one head of one token. Bytes: 20 a key channel, 16 a value channel.
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 32u; // a power of two, at most 64
layout(constant_id = 1) const uint MIXED = 1u;  // 0: v stays as it is

layout(push_constant) uniform Push {
    uint size, columns; // K and V
    uint k_stride, k_start, rate_stride, rate_start, a_stride, a_start;
    uint v_stride, v_start, v_first_stride, v_first_start, gate_stride, gate_start;
} push;
layout(binding = 0) buffer K { float k[]; };                         // [T, H * K]
layout(binding = 1) buffer Rate { float rate[]; };                   // [T, H * K]: becomes b
layout(binding = 2) writeonly buffer A { float a[]; };               // [T, H * K]
layout(binding = 3) buffer V { float v[]; };                         // [T, H * V]
layout(binding = 4) readonly buffer VFirst { float v_first[]; };     // [T, H * V]
layout(binding = 5) readonly buffer Gate { float gate[]; };          // [T, H * V]
layout(binding = 6) readonly buffer KK { float k_k[]; };             // [H * K]
layout(binding = 7) readonly buffer KA { float k_a[]; };             // [H * K]

shared float sh_sum[64];

void main() {
    uint head = gl_WorkGroupID.x, token = gl_WorkGroupID.y, thread = gl_LocalInvocationID.x;
    uint k_at = token * push.k_stride + push.k_start, rate_at = token * push.rate_stride + push.rate_start;
    float squares = 0.0;
    for (uint c = head * push.size + thread; c < (head + 1u) * push.size; c += LOCAL) {
        float key = k[k_at + c] * k_k[c];
        squares = fma(key, key, squares);
    }
    sh_sum[thread] = squares; // a tree over powers of two: the same order on every device
    barrier();
    for (uint half_size = LOCAL / 2u; half_size > 0u; half_size /= 2u) {
        if (thread < half_size) sh_sum[thread] += sh_sum[thread + half_size];
        barrier();
    }
    float scale = inversesqrt(max(sh_sum[0], 1e-24));
    for (uint c = head * push.size + thread; c < (head + 1u) * push.size; c += LOCAL) {
        float key = k[k_at + c], removed = key * k_k[c] * scale, faster = rate[rate_at + c];
        a[token * push.a_stride + push.a_start + c] = -removed;
        rate[rate_at + c] = removed * faster;
        precise float factor = fma(faster - 1.0, k_a[c], 1.0); // not as 1 - k_a + rate k_a, which loses digits
        k[k_at + c] = key * factor;
    }
    if (MIXED == 0u) return;
    for (uint c = head * push.columns + thread; c < (head + 1u) * push.columns; c += LOCAL) {
        uint at = token * push.v_stride + push.v_start + c;
        float value = v[at];
        v[at] = fma(gate[token * push.gate_stride + push.gate_start + c],
                    v_first[token * push.v_first_stride + push.v_first_start + c] - value, value);
    }
}
