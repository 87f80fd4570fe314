// SPDX-License-Identifier: Apache-2.0
// Between the two passes of rg_lru: walks over the chunks of each sequence. A chunk's row comes in as its own end state
// from h = 0 and goes out as the state that truly enters the chunk:
//   out_0 = state;  out_{c+1} = exp(-sum_c) out_c + in_c;  state = out_last+1
// One thread does one channel of one sequence. 12 bytes a chunk and channel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"

layout(local_size_x = 64) in;

layout(push_constant) uniform Push { uint channels, chunk, chunk_rows; } push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; }; // [S, 8] rows of the step
layout(binding = 1) buffer Chunks { float chunks[]; };               // [rows, C], then sums of d [rows, C]
layout(binding = 2) buffer State { float state[]; };                 // [slots, C]

void main() {
    uint channel = gl_GlobalInvocationID.x, row = gl_WorkGroupID.y * SEQ_STRIDE;
    uint count = sequences[row + SEQ_COUNT];
    if (channel >= push.channels || count == 0u) return;
    uint at = (sequences[row + SEQ_FIRST] / push.chunk + gl_WorkGroupID.y) * push.channels + channel,
         rows = (count + push.chunk - 1u) / push.chunk, sums = push.chunk_rows * push.channels;

    float h = sequences[row + SEQ_PAST] > 0u ? state[sequences[row + SEQ_READ] * push.channels + channel] : 0.0;
    for (uint c = 0u; c < rows; ++c, at += push.channels) {
        float next = exp(-chunks[sums + at]) * h + chunks[at];
        chunks[at] = h;
        h = next;
    }
    state[sequences[row + SEQ_WRITE] * push.channels + channel] = h;
}
