// SPDX-License-Identifier: Apache-2.0
// Which rows a layer works on (Raposo et al. 2024, Mixture-of-Depths, section 3): those with a score above 0, or of
// each sequence so many with the largest scores; of equal ones the first.
//   y[t] = x[t] > 0;  LARGEST: y[t] = #{u: x[u] > x[t], or x[u] = x[t] and u < t} < k,  k = share * n / 2^31
// One workgroup takes one sequence. The k-th largest score is found digit by digit, from the highest of four on: its
// bits, in an order that is that of the numbers, are counted in a table. NaN counts as larger than all numbers, or as
// smaller if its sign is set. Cost: 4 bytes a row read (LARGEST: 6 times), 4 written.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint LARGEST = 0u;

layout(push_constant) uniform Push { uint share, x_stride, x_start, y_stride, y_start; } push;
layout(binding = 0) readonly buffer X { float x[]; };                // [T, 1]
layout(binding = 1) readonly buffer Sequences { uint sequences[]; }; // [S, 8]
layout(binding = 2) writeonly buffer Y { float y[]; };               // [T, 1]

shared uint sh_table[256];
shared uint sh_prefix, sh_wanted;
shared uint sh_equal[LOCAL];

uint ordered(float v) {
    uint bits = v == 0.0 ? 0u : floatBitsToUint(v); // both zeros are one number
    return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}

void main() {
    uint lane = gl_LocalInvocationID.x, row = gl_WorkGroupID.x * SEQ_STRIDE;
    uint first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT];
    if (LARGEST == 0u) {
        for (uint i = lane; i < count; i += LOCAL)
            y[(first + i) * push.y_stride + push.y_start] =
                x[(first + i) * push.x_stride + push.x_start] > 0.0 ? 1.0 : 0.0;
        return;
    }
    uint high, low;
    umulExtended(push.share, count, high, low);
    uint kept = min((high << 1) | (low >> 31), count);
    if (lane == 0u) {
        sh_prefix = 0u;
        sh_wanted = kept;
    }
    for (uint digit = 0u; digit < 4u; ++digit) {
        uint shift = 24u - 8u * digit, above = digit == 0u ? 0u : 0xffffffffu << (shift + 8u);
        for (uint i = lane; i < 256u; i += LOCAL) sh_table[i] = 0u;
        barrier();
        uint prefix = sh_prefix;
        for (uint i = lane; i < count; i += LOCAL) {
            uint bits = ordered(x[(first + i) * push.x_stride + push.x_start]);
            if ((bits & above) == prefix) atomicAdd(sh_table[(bits >> shift) & 255u], 1u); // sums know no order
        }
        barrier();
        if (lane == 0u && kept > 0u) {
            uint at = 255u, wanted = sh_wanted;
            while (sh_table[at] < wanted) wanted -= sh_table[at--];
            sh_prefix |= at << shift;
            sh_wanted = wanted; // of those whose digits are these so far
        }
        barrier();
    }
    // Of the rows that are equal to the last one chosen the first ones: each lane counts those in its own stretch.
    uint last = sh_prefix, each = (count + LOCAL - 1u) / LOCAL, begin = min(lane * each, count),
         end = min(begin + each, count), equal = 0u;
    for (uint i = begin; i < end; ++i)
        equal += ordered(x[(first + i) * push.x_stride + push.x_start]) == last ? 1u : 0u;
    sh_equal[lane] = equal;
    barrier();
    uint before = 0u;
    for (uint l = 0u; l < lane; ++l) before += sh_equal[l];
    for (uint i = begin; i < end; ++i) {
        uint bits = ordered(x[(first + i) * push.x_stride + push.x_start]);
        bool chosen = bits > last || (bits == last && before < sh_wanted);
        before += bits == last ? 1u : 0u;
        y[(first + i) * push.y_stride + push.y_start] = chosen && kept > 0u ? 1.0 : 0.0;
    }
}
