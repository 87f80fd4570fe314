// SPDX-License-Identifier: Apache-2.0
// What each token cost that was to be foreseen: its surprisal in nats (Shannon 1948), the cross entropy of one row.
//   y[o] = log(sum of exp(x[o,v]) over v) - x[o,ids[o]]; NaN where an x is NaN or +inf, or all are -inf
// One workgroup takes one row, in two passes: its largest number, then the sum of exp(x - largest). Of a row whose id
// is NO_TOKEN nothing is read or written. Cost: 8 V bytes, half of them from the cache.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

layout(local_size_x = 128) in;
layout(push_constant) uniform Push { uint vocabulary, stride, start; } push;
layout(binding = 0) readonly buffer Logits { float logits[]; }; // [O, V]
layout(binding = 1) readonly buffer Ids { uint ids[]; };        // [O]
layout(binding = 2) writeonly buffer Y { float y[]; };          // [O]

const uint NO_TOKEN = 0xffffffffu, INFINITE = 0x7f800000u, SIGN = 0x80000000u;

shared float sh_part[128];

// Over the workgroup; every lane gets it.
float joined(float value, bool sum) {
    uint lane = gl_LocalInvocationID.x;
    barrier(); // who reads what was there
    sh_part[lane] = value;
    barrier();
    [[dont_unroll]] for (uint half_size = 64u; half_size > 0u; half_size /= 2u) {
        if (lane < half_size) {
            float a = sh_part[lane], b = sh_part[lane + half_size];
            sh_part[lane] = sum ? a + b : max(a, b);
        }
        barrier();
    }
    return sh_part[0];
}

void main() {
    uint o = gl_WorkGroupID.x, id = ids[o], row = o * push.stride + push.start, lane = gl_LocalInvocationID.x;
    if (id == NO_TOKEN) return;
    float top = uintBitsToFloat(SIGN | INFINITE);
    for (uint v = lane; v < push.vocabulary; v += 128u) {
        float x = logits[row + v];
        uint bits = floatBitsToUint(x);
        // Maxima may pass over NaN: it counts as +inf.
        top = max(top, (bits & ~SIGN) > INFINITE ? uintBitsToFloat(INFINITE) : x);
    }
    top = joined(top, false);
    float sum = 0.0;
    bool finite = (floatBitsToUint(top) & ~SIGN) < INFINITE;
    if (finite)
        for (uint v = lane; v < push.vocabulary; v += 128u) sum += exp(logits[row + v] - top);
    sum = joined(sum, true);
    if (lane > 0u) return;
    float x = logits[row + id];
    float nats = (top - x) + log(sum);
    if (floatBitsToUint(x) == (SIGN | INFINITE)) nats = uintBitsToFloat(INFINITE);
    y[o] = finite ? nats : uintBitsToFloat(INFINITE | 0x400000u);
}
