// SPDX-License-Identifier: Apache-2.0
// One row a sequence, by attention with one query for all sequences (Lee et al. 2019, Set Transformer, section 3.2).
//   y[s,h,:] = sum of p[t] v[t,h,:] over the sequence's rows t,  p = softmax over them of scale * q[h,:] . k[t,h,:];
//   0 for a sequence without rows
// One workgroup: one head of one sequence. Keys come LOCAL at a time: each lane scores one, then takes channels of the
// values; what was summed before is rescaled by the largest score so far (Milakov & Gimelshein 2018).
// Bytes: 8 a channel of a row.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint SIZE = 64u; // of a head

layout(push_constant) uniform Push {
    uint k_stride, k_start, v_stride, v_start, y_stride, y_start;
    float scale;
} push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; }; // [S, 8] rows of the step
layout(binding = 1) readonly buffer Q { float q[]; };                // [H * SIZE]
layout(binding = 2) readonly buffer K { float k[]; };                // [T, H * SIZE]
layout(binding = 3) readonly buffer V { float v[]; };                // [T, H * SIZE]
layout(binding = 4) writeonly buffer Y { float y[]; };               // [S, H * SIZE]

const uint EACH = (SIZE + LOCAL - 1u) / LOCAL; // channels a lane
shared float sh_q[SIZE], sh_p[LOCAL], sh_top[LOCAL];

void main() {
    const float NONE = uintBitsToFloat(0xff800000u); // -inf
    uint lane = gl_LocalInvocationID.x, head = gl_WorkGroupID.y * SIZE;
    uint row = gl_WorkGroupID.z * SEQ_STRIDE, first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT];
    for (uint c = lane; c < SIZE; c += LOCAL) sh_q[c] = push.scale * q[head + c];
    float sum[EACH], total = 0.0, top = NONE;
    [[unroll]] for (uint e = 0u; e < EACH; ++e) sum[e] = 0.0;
    barrier();
    for (uint start = 0u; start < count; start += LOCAL) {
        uint n = min(LOCAL, count - start);
        float score = NONE;
        if (lane < n) {
            uint at = (first + start + lane) * push.k_stride + push.k_start + head;
            score = 0.0;
            [[dont_unroll]] for (uint c = 0u; c < SIZE; ++c) score += sh_q[c] * k[at + c];
        }
        sh_top[lane] = score;
        barrier();
        [[dont_unroll]] for (uint half_size = LOCAL / 2u; half_size > 0u; half_size /= 2u) {
            if (lane < half_size) sh_top[lane] = max(sh_top[lane], sh_top[lane + half_size]);
            barrier();
        }
        float largest = max(top, sh_top[0]), kept = exp(top - largest);
        sh_p[lane] = lane < n ? exp(score - largest) : 0.0;
        barrier();
        float own = 0.0;
        [[dont_unroll]] for (uint j = 0u; j < n; ++j) own += sh_p[j];
        total = total * kept + own;
        [[unroll]] for (uint e = 0u; e < EACH; ++e) {
            uint c = min(lane + e * LOCAL, SIZE - 1u), at = (first + start) * push.v_stride + push.v_start + head + c;
            float part = 0.0;
            [[dont_unroll]] for (uint j = 0u; j < n; ++j) part += sh_p[j] * v[at + j * push.v_stride];
            sum[e] = sum[e] * kept + part;
        }
        top = largest;
        barrier(); // who still reads sh_p
    }
    [[unroll]] for (uint e = 0u; e < EACH; ++e) {
        uint c = lane + e * LOCAL;
        if (c < SIZE)
            y[gl_WorkGroupID.z * push.y_stride + push.y_start + head + c] = count > 0u ? sum[e] / total : 0.0;
    }
}
