// SPDX-License-Identifier: Apache-2.0
// What sample.comp chose from: softmax over the tokens that passed the filters, exactly 0 elsewhere; 1 for the token
// where nothing was filtered (greedy), 0 everywhere where there is no token.
//   y[v] = exp(x[v] - max) / sum over the kept, for kept v
// One workgroup takes one output. For tests; not fast. Cost: 12 V bytes.
// scratch begins with {threshold, token, filtered, largest key}; the last word of the first part is the slot.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "sampler.glsl"

layout(local_size_x = 128) in;
layout(push_constant) uniform Push { uint vocabulary, parts, stride, start; } push;
layout(binding = 0) readonly buffer Settings { uint settings[]; };             // [slots, 16] SamplerRow
layout(binding = 1) readonly buffer Scratch { uvec4 scratch[]; };              // [O, 1 + parts + 128 parts]
layout(binding = 2) writeonly buffer Probabilities { float probabilities[]; }; // [O, V]

shared float sh_sum[128];

void main() {
    uint lane = gl_LocalInvocationID.x, begin = gl_WorkGroupID.x * (1u + 129u * push.parts),
         y = gl_WorkGroupID.x * push.stride + push.start;
    uvec4 about = scratch[begin];
    if (about.z == 0u || about.y == SAMPLER_NO_TOKEN) {
        for (uint id = lane; id < push.vocabulary; id += 128u) probabilities[y + id] = id == about.y ? 1.0 : 0.0;
        return;
    }
    float top = sampler_value(about.w);
    float min_p = uintBitsToFloat(settings[scratch[begin + 1u].w * SAMPLER_STRIDE + SAMPLER_MIN_P]);
    float sum = 0.0;
    for (uint pass = 0u; pass < 2u; ++pass) {
        for (uint quad = lane; quad < 128u * push.parts; quad += 128u) {
            uvec4 keys = scratch[begin + 1u + push.parts + quad];
            [[unroll]] for (uint i = 0u; i < 4u; ++i) {
                float mass = keys[i] < about.x ? 0.0 : exp(sampler_value(keys[i]) - top);
                if (mass < min_p) mass = 0.0;
                if (pass == 0u) sum += mass;
                else if (4u * quad + i < push.vocabulary) probabilities[y + 4u * quad + i] = mass / sh_sum[0];
            }
        }
        if (pass == 1u) return;
        sh_sum[lane] = sum;
        barrier();
        for (uint half_size = 64u; half_size > 0u; half_size /= 2u) {
            if (lane < half_size) sh_sum[lane] += sh_sum[lane + half_size];
            barrier();
        }
    }
}
