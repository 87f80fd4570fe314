// SPDX-License-Identifier: Apache-2.0
// Rows of a step into the memories of their sequences, behind those that are there.
//   memory[slot, rows of the sequence's memory + index among its new rows, :] = x[t, :]
// One lane takes one element, with VECTORS four: then all positions and widths count four columns. Rows that a memory
// has no room for are left out. Cost: 8 bytes an element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"
#ifdef VECTORS
#define VALUE vec4
#else
#define VALUE float
#endif

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;

layout(push_constant) uniform Push {
    uint columns, rows, x_stride, x_start;
    uint capacity, first_slot, slots; // this dispatch serves slots [first_slot, first_slot + slots)
} push;
layout(binding = 0) readonly buffer X { VALUE x[]; };                         // [T, D]
layout(binding = 1) readonly buffer Header { uint header[]; };                // [16] step header
layout(binding = 2) readonly buffer Sequences { uint sequences[]; };          // [S, 8]
layout(binding = 3) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 4) writeonly buffer Memory { VALUE memory[]; };              // [slots, capacity, D]

void main() {
    uint c = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (c >= push.columns || row >= min(push.rows, header[STEP_TOKENS])) return;
    uint sequence = token_sequence[row] * SEQ_STRIDE, slot = sequences[sequence + SEQ_SLOT] - push.first_slot;
    uint to = sequences[sequence + SEQ_MEMORY] + row - sequences[sequence + SEQ_FIRST];
    if (slot >= push.slots || to >= push.capacity) return;
    memory[(slot * push.capacity + to) * push.columns + c] = x[row * push.x_stride + push.x_start + c];
}
