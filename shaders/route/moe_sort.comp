// SPDX-License-Identifier: Apache-2.0
// Stable counting sort of the pairs p = t * k + j by expert: order[] holds the pairs of expert 0,
// then of expert 1, ..., each in increasing p.
//   offsets[e] = #{p: experts[p] < e}, order[offsets[e] + #{q < p: experts[q] = e}] = p, for e = experts[p]
// One workgroup takes RANGE neighbouring experts. Each lane counts in its own stretch of the pairs and its own
// column of the table, the table is summed up, and the lane walks its stretch again: no atomics, no second dispatch.
// Cost: 8 n ceil(E / RANGE) bytes read (from cache but for the first), 4 n + 4 E written.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint RANGE = 32u;  // LOCAL * RANGE <= 2048
layout(constant_id = 2) const uint CHOICES = 2u; // k

layout(push_constant) uniform Push { uint experts, tokens; } push; // E; T of the bucket
layout(binding = 0) readonly buffer Header { uint header[]; };    // [16] step header
layout(binding = 1) readonly buffer Chosen { uint chosen[]; };    // [T, k]
layout(binding = 2) writeonly buffer Order { uint order[]; };     // [T * k]
layout(binding = 3) writeonly buffer Offsets { uint offsets[]; }; // [E + 1]

shared uint sh_table[RANGE * LOCAL]; // [RANGE, LOCAL]: counts, then places
shared uint sh_lower[LOCAL];         // pairs of lower experts
shared uint sh_sum[LOCAL];

void main() {
    uint lane = gl_LocalInvocationID.x, low = gl_WorkGroupID.x * RANGE;
    uint pairs = min(header[STEP_TOKENS], push.tokens) * CHOICES;
    uint each = (pairs + LOCAL - 1u) / LOCAL;
    uint begin = min(lane * each, pairs), end = min(begin + each, pairs);

    for (uint e = 0u; e < RANGE; ++e) sh_table[e * LOCAL + lane] = 0u;
    uint lower = 0u;
    for (uint p = begin; p < end; ++p) {
        uint e = chosen[p];
        if (e < low) ++lower;
        else if (e - low < RANGE && e < push.experts) ++sh_table[(e - low) * LOCAL + lane];
    }
    sh_lower[lane] = lower;
    barrier();

    // Exclusive sums of the table, row by row: each lane sums RANGE neighbours, the sums of
    // lanes are scanned (Hillis & Steele 1986).
    uint mine = 0u;
    for (uint i = lane * RANGE; i < (lane + 1u) * RANGE; ++i) mine += sh_table[i];
    sh_sum[lane] = mine;
    barrier();
    for (uint step = 1u; step < LOCAL; step *= 2u) {
        uint sum = sh_sum[lane], low_sum = sh_lower[lane];
        if (lane >= step) {
            sum += sh_sum[lane - step];
            low_sum += sh_lower[lane - step];
        }
        barrier();
        sh_sum[lane] = sum;
        sh_lower[lane] = low_sum;
        barrier();
    }
    uint base = sh_lower[LOCAL - 1u];
    uint at = base + sh_sum[lane] - mine;
    for (uint i = lane * RANGE; i < (lane + 1u) * RANGE; ++i) {
        uint count = sh_table[i];
        sh_table[i] = at;
        at += count;
    }
    barrier();

    for (uint e = lane; e < RANGE; e += LOCAL)
        if (low + e < push.experts) offsets[low + e] = sh_table[e * LOCAL];
    if (lane == 0u && low + RANGE >= push.experts) offsets[push.experts] = base + sh_sum[LOCAL - 1u];
    barrier(); // before the places move on
    for (uint p = begin; p < end; ++p) {
        uint e = chosen[p];
        if (e >= low && e - low < RANGE && e < push.experts) {
            uint place = (e - low) * LOCAL + lane;
            order[sh_table[place]] = p;
            ++sh_table[place];
        }
    }
}
