// SPDX-License-Identifier: Apache-2.0
// The step of the rows that were chosen, made on the device: they stand side by side, in order, in those sequences that
// have some, and keep their positions. What a sequence's states have seen are its chosen rows: counts[slot, p] is how
// many those are among its tokens up to position p.
//   index = the rows with chosen != 0;  inverse[index[j]] = j, of other rows NONE;
//   counts[slot, past + i] = counts[slot, past - 1] + #{u <= i: chosen[first + u] != 0}
// One workgroup. Each lane counts in its own stretch of rows, and of sequences. Rows and sequences of the bucket that
// are none have no token, and lie inside. Cost: 40 bytes a row, 64 a sequence.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"

const uint NONE = 0xffffffffu;

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;

layout(push_constant) uniform Push {
    uint tokens, sequences; // of the bucket
    uint stride, capacity, chosen_stride, chosen_start;
} push;
layout(binding = 0) readonly buffer Chosen { float chosen[]; };               // [T, 1]
layout(binding = 1) readonly buffer Header { uint header[]; };                // [16] step header
layout(binding = 2) readonly buffer Sequences { uint sequences[]; };          // [S, 8]
layout(binding = 3) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 4) buffer Counts { uint counts[]; };                         // [slots, capacity]
layout(binding = 5) writeonly buffer RoutedHeader { uint routed_header[]; };  // [16]
layout(binding = 6) writeonly buffer RoutedRows { uint routed[]; };           // [S, 8]
// [6, stride]: index, inverse, positions, token_sequence; how many were chosen before each row; of each sequence the
// number among those that have some.
layout(binding = 7) buffer Rows { uint rows[]; };

shared uint sh_sum[LOCAL];
shared uint sh_longest_new, sh_longest_total;

uint before(uint row, uint all, uint total) { return row < all ? rows[4u * push.stride + row] : total; }
uint seen(uint sequence) { // rows that its states have seen
    uint at = sequence * SEQ_STRIDE, past = sequences[at + SEQ_PAST];
    return past == 0u ? 0u : counts[sequences[at + SEQ_SLOT] * push.capacity + past - 1u];
}

// What the lanes before have of `mine`, and all together.
uvec2 summed(uint lane, uint mine) {
    barrier();
    sh_sum[lane] = mine;
    barrier();
    uvec2 sum = uvec2(0u);
    for (uint l = 0u; l < LOCAL; ++l) {
        if (l < lane) sum.x += sh_sum[l];
        sum.y += sh_sum[l];
    }
    return sum;
}

void main() {
    uint lane = gl_LocalInvocationID.x;
    uint all = min(header[STEP_TOKENS], push.tokens), count = min(header[STEP_SEQUENCES], push.sequences);
    if (lane == 0u) {
        sh_longest_new = 0u;
        sh_longest_total = 0u;
    }
    uint each = (all + LOCAL - 1u) / LOCAL, begin = min(lane * each, all), end = min(begin + each, all), mine = 0u;
    for (uint t = begin; t < end; ++t) mine += chosen[t * push.chosen_stride + push.chosen_start] != 0.0 ? 1u : 0u;
    uvec2 sum = summed(lane, mine);
    uint place = sum.x, total = sum.y;
    for (uint t = begin; t < end; ++t) {
        bool takes = chosen[t * push.chosen_stride + push.chosen_start] != 0.0;
        rows[4u * push.stride + t] = place;
        rows[push.stride + t] = takes ? place : NONE;
        if (takes) rows[place++] = t;
    }
    memoryBarrierBuffer();
    barrier();

    each = (count + LOCAL - 1u) / LOCAL;
    begin = min(lane * each, count);
    end = min(begin + each, count);
    mine = 0u;
    for (uint s = begin; s < end; ++s) {
        uint first = sequences[s * SEQ_STRIDE + SEQ_FIRST], own = sequences[s * SEQ_STRIDE + SEQ_COUNT];
        mine += before(first + own, all, total) > before(first, all, total) ? 1u : 0u;
    }
    sum = summed(lane, mine);
    uint number = sum.x, used = sum.y;
    for (uint s = begin; s < end; ++s) {
        uint from = s * SEQ_STRIDE, first = sequences[from + SEQ_FIRST], own = sequences[from + SEQ_COUNT];
        uint begins = before(first, all, total), taken = before(first + own, all, total) - begins;
        rows[5u * push.stride + s] = number;
        if (taken == 0u) continue;
        uint past = seen(s), to = number * SEQ_STRIDE;
        routed[to + SEQ_SLOT] = sequences[from + SEQ_SLOT];
        routed[to + SEQ_FIRST] = begins;
        routed[to + SEQ_COUNT] = taken;
        routed[to + SEQ_PAST] = past;
        routed[to + SEQ_LENGTH] = sequences[from + SEQ_LENGTH];
        routed[to + SEQ_READ] = sequences[from + SEQ_READ];
        routed[to + SEQ_WRITE] = sequences[from + SEQ_WRITE];
        routed[to + SEQ_MEMORY] = sequences[from + SEQ_MEMORY];
        atomicMax(sh_longest_new, taken); // a maximum does not depend on the order
        atomicMax(sh_longest_total, past + taken);
        ++number;
    }
    memoryBarrierBuffer();
    barrier();

    for (uint t = lane; t < all; t += LOCAL) {
        uint s = token_sequence[t], from = s * SEQ_STRIDE, first = sequences[from + SEQ_FIRST];
        uint at = sequences[from + SEQ_PAST] + t - first, to = rows[push.stride + t];
        if (to != NONE) {
            rows[2u * push.stride + to] = at;
            rows[3u * push.stride + to] = rows[5u * push.stride + s];
        }
        uint inside = rows[4u * push.stride + t] - rows[4u * push.stride + first] + (to != NONE ? 1u : 0u);
        counts[sequences[from + SEQ_SLOT] * push.capacity + at] = seen(s) + inside;
    }
    for (uint t = total + lane; t < push.tokens; t += LOCAL) {
        rows[t] = NONE;
        rows[2u * push.stride + t] = 0u;
        rows[3u * push.stride + t] = 0u;
    }
    for (uint s = used + lane; s < push.sequences; s += LOCAL)
        for (uint word = 0u; word < SEQ_STRIDE; ++word)
            routed[s * SEQ_STRIDE + word] = word == SEQ_FIRST ? min(s, push.tokens - 1u) : 0u;
    if (lane == 0u) {
        routed_header[STEP_TOKENS] = total;
        routed_header[STEP_SEQUENCES] = used;
        routed_header[STEP_OUTPUTS] = total;
        routed_header[STEP_LONGEST_NEW] = sh_longest_new;
        routed_header[STEP_LONGEST_TOTAL] = sh_longest_total;
        routed_header[STEP_RING] = header[STEP_RING];
    }
}
