// SPDX-License-Identifier: Apache-2.0
// Normalises groups of `width` channels: RMSNorm (Zhang & Sennrich 2019), LayerNorm (Ba et al. 2016), L2, or by their
// sum (Schlag et al. 2021, Linear transformers are secretly fast weight programmers, section 3.2). Optionally gated
// by act(z) before or after (Mamba-2 gates before, Gated DeltaNet after), scaled and added to a residual.
//   y = residual + scale * gate_after * (statistics(x * gate_before) * weight + bias)
// One workgroup normalises one group of one token. Reads x twice (the second time from cache),
// 8 to 16 bytes an element in all. With VECTORS a lane takes four neighbouring channels: then all positions and widths
// count four channels.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "activation.glsl"
#ifdef VECTORS
#define VALUE vec4
const float CHANNELS = 4.0; // of a value
float total(vec4 v) { return (v.x + v.y) + (v.z + v.w); }
#else
#define VALUE float
const float CHANNELS = 1.0;
float total(float v) { return v; }
#endif

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint KIND = 0u;       // 0 RMS, 1 layer, 2 L2, 3 sum
layout(constant_id = 2) const uint GATE = 0u;       // 0 none, 1 before, 2 after
layout(constant_id = 3) const uint ACTIVATION = 1u; // of the gate
layout(constant_id = 4) const uint PARTS = 0u;      // bit 0: weight, 1: bias, 2: residual
layout(constant_id = 5) const uint WEIGHT_PER_GROUP = 0u; // 1: each group has its own weights, 0: all share [width]

layout(push_constant) uniform Push {
    uint width;      // channels a group
    uint x_stride, x_start, y_stride, y_start, gate_stride, gate_start, residual_stride, residual_start;
    float eps, scale;
} push;
layout(binding = 0) readonly buffer X { VALUE x[]; };               // [T, groups * width]
layout(binding = 1) readonly buffer Weight { VALUE weight[]; };     // [width] or [groups * width]
layout(binding = 2) readonly buffer Bias { VALUE bias[]; };         // as weight
layout(binding = 3) readonly buffer Gate { VALUE gate[]; };         // [T, groups * width]
layout(binding = 4) readonly buffer Residual { VALUE residual[]; }; // [T, groups * width]
layout(binding = 5) writeonly buffer Y { VALUE y[]; };              // [T, groups * width]

shared float sh_sum[LOCAL];

// A tree over powers of two: the same order on every device, whatever its subgroups are.
float workgroup_sum(float value) {
    uint i = gl_LocalInvocationID.x;
    sh_sum[i] = value;
    barrier();
    for (uint half_size = LOCAL / 2u; half_size > 0u; half_size /= 2u) {
        if (i < half_size) sh_sum[i] += sh_sum[i + half_size];
        barrier();
    }
    float total = sh_sum[0];
    barrier();
    return total;
}

VALUE gate_factor(uint token, uint channel) {
    VALUE g = gate[token * push.gate_stride + push.gate_start + channel];
#ifdef VECTORS
    return vec4(activate(ACTIVATION, g.x), activate(ACTIVATION, g.y), activate(ACTIVATION, g.z),
                activate(ACTIVATION, g.w));
#else
    return activate(ACTIVATION, g);
#endif
}

VALUE load(uint token, uint channel) {
    VALUE v = x[token * push.x_stride + push.x_start + channel];
    if (GATE == 1u) v *= gate_factor(token, channel);
    return v;
}

void main() {
    uint token = gl_WorkGroupID.y;
    uint base = gl_WorkGroupID.x * push.width;
    float mean = 0.0;
    if (KIND == 1u) {
        float sum = 0.0;
        for (uint c = gl_LocalInvocationID.x; c < push.width; c += LOCAL) sum += total(load(token, base + c));
        mean = workgroup_sum(sum) / (CHANNELS * float(push.width));
    }
    float squares = 0.0;
    for (uint c = gl_LocalInvocationID.x; c < push.width; c += LOCAL) {
        VALUE v = load(token, base + c) - mean;
        squares += total(KIND == 3u ? v : v * v);
    }
    squares = workgroup_sum(squares);
    float under = (KIND >= 2u ? squares : squares / (CHANNELS * float(push.width))) + push.eps;
    float factor = KIND == 3u ? 1.0 / under : inversesqrt(under);
    for (uint c = gl_LocalInvocationID.x; c < push.width; c += LOCAL) {
        uint channel = base + c;
        uint w = WEIGHT_PER_GROUP == 1u ? channel : c;
        VALUE v = (load(token, channel) - mean) * factor;
        if ((PARTS & 1u) != 0u) v *= weight[w];
        if ((PARTS & 2u) != 0u) v += bias[w];
        if (GATE == 2u) v *= gate_factor(token, channel);
        v *= push.scale;
        if ((PARTS & 4u) != 0u) v += residual[token * push.residual_stride + push.residual_start + channel];
        y[token * push.y_stride + push.y_start + channel] = v;
    }
}
