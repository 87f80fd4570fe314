// SPDX-License-Identifier: Apache-2.0
// Rows of tables by token id and by position, optionally added to what is there (BERT sums three tables).
//   y[t,:] = residual[t,:] + scale * table[ids[t],:] + position_table[positions[t] + offset,:]
// Large tables come in several dispatches: this one holds rows first .. first + rows - 1 and writes the tokens whose ids lie there; the one with
// first = 0 also writes the ids that are in no table. One workgroup takes a block of columns of some tokens. Cost: 2 to 4 + 4 bytes an element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "weight.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint TABLE = 0u;          // 0 f32, 1 f16, 2 bf16
layout(constant_id = 2) const uint POSITION_TABLE = 0u; // 0 f32, 1 f16, 2 bf16, 3 none
layout(constant_id = 3) const uint RESIDUAL = 0u;       // 1: there is one

layout(push_constant) uniform Push {
    uint columns, tokens, block, rows_each;
    uint first, rows, vocabulary; // rows of this slice of the table, and of the whole
    uint position_rows, position_offset;
    uint y_stride, y_start, residual_stride, residual_start;
    float scale;
} push;
layout(binding = 0) readonly buffer Ids { uint ids[]; };                     // [T]
layout(binding = 1) readonly buffer Table { uint table[]; };                 // [rows, D] f32, or pairs of 16-bit values
layout(binding = 2) readonly buffer Positions { uint positions[]; };         // [T]
layout(binding = 3) readonly buffer PositionTable { uint position_table[]; }; // [N, D], as table
layout(binding = 4) readonly buffer Residual { float residual[]; };          // [T, D]
layout(binding = 5) writeonly buffer Y { float y[]; };                       // [T, D]

float half_of(uint type, uint word, uint at) {
    vec2 both = type == 1u ? unpackHalf2x16(word) : unpack_bf16(word);
    return (at & 1u) == 0u ? both.x : both.y;
}

void main() {
    for (uint i = 0u; i < push.rows_each; ++i) {
        uint token = gl_WorkGroupID.y * push.rows_each + i;
        if (token >= push.tokens) return;
        uint id = ids[token];
        bool here = id >= push.first && id - push.first < push.rows;
        if (!here && !(push.first == 0u && id >= push.vocabulary)) continue;
        uint position = POSITION_TABLE == 3u ? 0u : positions[token] + push.position_offset;
        uint end = min((gl_WorkGroupID.x + 1u) * push.block, push.columns);
        for (uint c = gl_WorkGroupID.x * push.block + gl_LocalInvocationID.x; c < end; c += LOCAL) {
            float v = 0.0;
            if (here) {
                uint at = (id - push.first) * push.columns + c;
                v = push.scale * (TABLE == 0u ? uintBitsToFloat(table[at]) : half_of(TABLE, table[at / 2u], at));
            }
            if (POSITION_TABLE != 3u && position < push.position_rows) {
                uint at = position * push.columns + c;
                v += POSITION_TABLE == 0u ? uintBitsToFloat(position_table[at]) : half_of(POSITION_TABLE, position_table[at / 2u], at);
            }
            if (RESIDUAL == 1u) v += residual[token * push.residual_stride + push.residual_start + c];
            y[token * push.y_stride + push.y_start + c] = v;
        }
    }
}
