// SPDX-License-Identifier: Apache-2.0
// One row a sequence: the mean of its new tokens (Reimers & Gurevych 2019, Sentence-BERT, section 3), or their maximum;
// of all, or of some that follow each other.
//   y[s,:] = sum of x[t,:] / n, or max of x[t,:], over the n rows t from first + skip on, at most `most`, of the count
//   that the sequence has; 0 where n = 0
// One workgroup: LOCAL_X channels of one sequence, LOCAL_Y lanes a channel. Sums keep what their rounding loses, so
// that their error does not grow with the rows. Neither the order nor the result depends on other sequences.
// Bytes: 4 an element of x, 4 of y.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 16u;
layout(constant_id = 1) const uint LOCAL_Y = 8u;
layout(constant_id = 2) const uint KIND = 0u; // 0 mean, 1 max

layout(push_constant) uniform Push {
    uint columns, skip, most;
    uint x_stride, x_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; }; // [S, 8] rows of the step
layout(binding = 1) readonly buffer X { float x[]; };                // [T, D]
layout(binding = 2) writeonly buffer Y { float y[]; };               // [S, D]

shared float sh_part[LOCAL_X * LOCAL_Y];

float join(float a, float b) {
    precise float sum = a + b;
    return KIND == 0u ? sum : max(a, b);
}

void main() {
    uint channel = gl_GlobalInvocationID.x, lane = gl_LocalInvocationID.y, at = gl_LocalInvocationIndex;
    uint row = gl_WorkGroupID.z * SEQ_STRIDE, all = sequences[row + SEQ_COUNT];
    uint skipped = min(push.skip, all), count = min(push.most, all - skipped);
    float nothing = KIND == 0u ? 0.0 : uintBitsToFloat(0xff800000u); // joined with v it gives v
    float total = nothing, lost = 0.0;
    if (channel < push.columns) {
        uint from = (sequences[row + SEQ_FIRST] + skipped) * push.x_stride + push.x_start + channel;
        for (uint start = lane; start < count; start += 4u * LOCAL_Y) {
            float v[4];
            [[unroll]] for (uint i = 0u; i < 4u; ++i) {
                uint t = start + i * LOCAL_Y;
                float loaded = x[from + min(t, count - 1u) * push.x_stride];
                v[i] = t < count ? loaded : nothing;
            }
            float four = join(join(v[0], v[1]), join(v[2], v[3]));
            precise float sum = join(total, four);
            if (KIND == 0u) { // what the rounding of this sum lost (Knuth, The Art of Computer Programming 2, 4.2.2)
                precise float added = sum - total;
                precise float rest = (total - (sum - added)) + (four - added);
                lost += rest;
            }
            total = sum;
        }
    }
    total += lost;
    sh_part[at] = total;
    barrier();
    for (uint half_size = LOCAL_Y / 2u; half_size > 0u; half_size /= 2u) {
        if (lane < half_size) sh_part[at] = join(sh_part[at], sh_part[at + half_size * LOCAL_X]);
        barrier();
    }
    if (lane > 0u || channel >= push.columns) return;
    float result = 0.0;
    if (count > 0u) result = KIND == 0u ? sh_part[at] / float(count) : sh_part[at];
    y[gl_WorkGroupID.z * push.y_stride + push.y_start + channel] = result;
}
