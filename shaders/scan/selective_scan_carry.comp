// SPDX-License-Identifier: Apache-2.0
// Between the two passes of selective_scan: walks over the chunks of each sequence. A chunk's row comes in as its own
// end state from h = 0 and goes out as the state that truly enters the chunk:
//   out_0 = state;  out_{c+1} = exp(A sum_c) out_c + in_c;  state = out_last+1
// One thread does one state of one channel of one sequence. 8 bytes a chunk and state.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "step.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint HAS_STATE = 1u;

layout(push_constant) uniform Push { uint channels, states, chunk, chunk_rows; } push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; };    // [S, 8] rows of the step
layout(binding = 1) readonly buffer Parameters { float parameters[]; }; // A [Di, N], ..
layout(binding = 2) buffer Chunks { float chunks[]; };                  // [chunks, Di, N], then sums of dt [chunks, Di]
layout(binding = 3) buffer State { float state[]; };                    // [slots, Di, N]

void main() {
    uint each = push.channels * push.states, i = gl_GlobalInvocationID.x;
    uint row = gl_WorkGroupID.y * SEQ_STRIDE;
    uint count = sequences[row + SEQ_COUNT];
    if (i >= each || count == 0u) return;
    uint first_row = sequences[row + SEQ_FIRST] / push.chunk + gl_WorkGroupID.y,
         rows = (count + push.chunk - 1u) / push.chunk;
    uint at = first_row * each + i, sum_at = push.chunk_rows * each + first_row * push.channels + i / push.states;
    uint read_at = sequences[row + SEQ_READ] * each + i, write_at = sequences[row + SEQ_WRITE] * each + i;

    float a = parameters[i] * LOG2_E;
    float h = HAS_STATE == 1u && sequences[row + SEQ_PAST] > 0u ? state[read_at] : 0.0;
    float local = chunks[at], sum = chunks[sum_at];
    for (uint c = 0u; c < rows; ++c) {
        float next = exp2(a * sum) * h + local;
        if (c + 1u < rows) { // loaded before the store, which the compiler must not move a load across
            local = chunks[at + each];
            sum = chunks[sum_at + push.channels];
        }
        chunks[at] = h;
        h = next;
        at += each;
        sum_at += push.channels;
    }
    if (HAS_STATE == 1u) state[write_at] = h;
}
