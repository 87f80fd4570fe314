// SPDX-License-Identifier: Apache-2.0
// What RWKV-7 makes of what its recurrence gives (Peng et al. 2025, RWKV-7 "Goose", equations 20 and 21), for each head
// of K key channels and V value channels:
//   y = (layer_norm(y) weight + bias + (sum of r k r_k) v) gate
// One workgroup does one head of one token. Bytes: 8 a key channel, 16 a value channel; y is read again from cache.
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 32u; // a power of two, at most 64

layout(push_constant) uniform Push {
    uint size, columns; // K and V
    uint y_stride, y_start, r_stride, r_start, k_stride, k_start, v_stride, v_start, gate_stride, gate_start;
    float eps;
} push;
layout(binding = 0) buffer Y { float y[]; };                         // [T, H * V]
layout(binding = 1) readonly buffer R { float r[]; };                // [T, H * K]
layout(binding = 2) readonly buffer K { float k[]; };                // [T, H * K]
layout(binding = 3) readonly buffer V { float v[]; };                // [T, H * V]
layout(binding = 4) readonly buffer Gate { float gate[]; };          // [T, H * V]
layout(binding = 5) readonly buffer RK { float r_k[]; };             // [H * K]
layout(binding = 6) readonly buffer Weight { float weight[]; };      // [H * V]
layout(binding = 7) readonly buffer Bias { float bias[]; };          // [H * V]

shared vec2 sh_sum[64];

// A tree over powers of two: the same order on every device.
vec2 workgroup_sum(vec2 value) {
    uint i = gl_LocalInvocationID.x;
    sh_sum[i] = value;
    barrier();
    for (uint half_size = LOCAL / 2u; half_size > 0u; half_size /= 2u) {
        if (i < half_size) sh_sum[i] += sh_sum[i + half_size];
        barrier();
    }
    vec2 total = sh_sum[0];
    barrier();
    return total;
}

void main() {
    uint head = gl_WorkGroupID.x, token = gl_WorkGroupID.y, thread = gl_LocalInvocationID.x;
    uint y_at = token * push.y_stride + push.y_start, begin = head * push.columns + thread,
         end = (head + 1u) * push.columns;
    vec2 sums = vec2(0.0); // of y, and of r k r_k
    for (uint c = begin; c < end; c += LOCAL) sums.x += y[y_at + c];
    for (uint c = head * push.size + thread; c < (head + 1u) * push.size; c += LOCAL)
        sums.y += r[token * push.r_stride + push.r_start + c] * k[token * push.k_stride + push.k_start + c] * r_k[c];
    sums = workgroup_sum(sums);
    float mean = sums.x / float(push.columns), bonus = sums.y, squares = 0.0;
    for (uint c = begin; c < end; c += LOCAL) {
        float off = y[y_at + c] - mean;
        squares = fma(off, off, squares);
    }
    squares = workgroup_sum(vec2(squares, 0.0)).x;
    float factor = inversesqrt(squares / float(push.columns) + push.eps);
    for (uint c = begin; c < end; c += LOCAL) {
        float normed = fma((y[y_at + c] - mean) * factor, weight[c], bias[c]);
        y[y_at + c] = fma(bonus, v[token * push.v_stride + push.v_start + c], normed) *
                      gate[token * push.gate_stride + push.gate_start + c];
    }
}
