// SPDX-License-Identifier: Apache-2.0
// Rows of memories in the place of some rows of a step: pictures among the tokens of a text.
//   y[t, :] = residual[t, :] + scale * v,  v = memory[places[t], :] where that is a row, else x[t, :] or 0
// Large memories come in several dispatches: this one holds rows first .. first + rows - 1; the one with first = 0
// also writes the rows of the step that have no place. One lane takes one element, with VECTORS four: then all
// positions and widths count four columns. Cost: 8 bytes an element, 12 with a residual.
#version 450
#ifdef VECTORS
#define VALUE vec4
#else
#define VALUE float
#endif

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint RESIDUAL = 0u;  // 1: there is one
layout(constant_id = 3) const uint ELSEWHERE = 1u; // 1: x, 0: nothing

layout(push_constant) uniform Push {
    uint columns, tokens;
    uint first, rows, all; // rows of this part of the memories, and of all
    uint x_stride, x_start, y_stride, y_start, residual_stride, residual_start;
    float scale;
} push;
layout(binding = 0) readonly buffer X { VALUE x[]; };               // [T, D]
layout(binding = 1) readonly buffer Places { uint places[]; };      // [T]
layout(binding = 2) readonly buffer Memory { VALUE memory[]; };     // [rows, D]
layout(binding = 3) readonly buffer Residual { VALUE residual[]; }; // [T, D]
layout(binding = 4) writeonly buffer Y { VALUE y[]; };              // [T, D]

void main() {
    uint c = gl_GlobalInvocationID.x, token = gl_GlobalInvocationID.y;
    if (c >= push.columns || token >= push.tokens) return;
    uint place = places[token];
    bool here = place - push.first < push.rows;
    if (!here && !(push.first == 0u && place >= push.all)) return;
    VALUE v = VALUE(0.0);
    if (here) v = memory[(place - push.first) * push.columns + c];
    else if (ELSEWHERE == 1u) v = x[token * push.x_stride + push.x_start + c];
    if (push.scale != 1.0) v *= push.scale;
    if (RESIDUAL == 1u) v += residual[token * push.residual_stride + push.residual_start + c];
    y[token * push.y_stride + push.y_start + c] = v;
}
