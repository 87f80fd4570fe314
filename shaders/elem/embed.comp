// SPDX-License-Identifier: Apache-2.0
// Rows of tables by token id and by position, optionally added to what is there (BERT sums three tables).
//   y[t,:] = residual[t,:] + scale * table[ids[t],:] + position_table[positions[t] + offset,:]
// Large tables come in several dispatches: this one holds rows first .. first + rows - 1 and writes the tokens
// whose ids lie there; the one with first = 0 also writes the ids that are in no table. One lane takes one element,
// with VECTORS four: then all positions and widths count four columns; so it does with BLOCKS, where the table is
// quantized. Cost: 2 to 4 + 4 bytes an element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "weight.glsl"
#include "block_values.glsl"
#if defined(VECTORS) || defined(BLOCKS)
#define VALUE vec4
#define WORDS uvec2
#else
#define VALUE float
#define WORDS uint
#endif
#ifdef BLOCKS
#define TABLE_WORDS uint
#else
#define TABLE_WORDS WORDS
#endif

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint TABLE = 0u;          // lib/block_types.glsl
layout(constant_id = 3) const uint POSITION_TABLE = 0u; // the same, not in blocks; or NO_TABLE
layout(constant_id = 4) const uint RESIDUAL = 0u;       // 1: there is one

layout(push_constant) uniform Push {
    uint columns, tokens;
    uint first, rows, vocabulary; // rows of this slice of the table, and of the whole
    uint position_rows, position_offset;
    uint y_stride, y_start, residual_stride, residual_start;
    float scale;
} push;
layout(binding = 0) readonly buffer Ids { uint ids[]; };                       // [T]
layout(binding = 1) readonly buffer Table { TABLE_WORDS table[]; };            // [rows, D] f32, 16 bits or blocks
layout(binding = 2) readonly buffer Positions { uint positions[]; };           // [T]
layout(binding = 3) readonly buffer PositionTable { WORDS position_table[]; }; // [N, D], as table
layout(binding = 4) readonly buffer Residual { VALUE residual[]; };            // [T, D]
layout(binding = 5) writeonly buffer Y { VALUE y[]; };                         // [T, D]

const uint NO_TABLE = 0xffffffffu;

#if defined(VECTORS) || defined(BLOCKS)
vec4 halves(uint type, uvec2 words) {
    return type == TYPE_F16 ? vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y))
                            : vec4(unpack_bf16(words.x), unpack_bf16(words.y));
}
#ifdef BLOCKS
uint four(uint buf, uint first, uint byte, uint n) {
    uint i = first + byte / 4u + n;
    return four_bytes(table[i], table[i + 1u], byte % 4u * 8u);
}
#include "block.glsl"
vec4 from_table(uint at) {
    uint groups = block_groups(TABLE), group = at / 8u;
    Eight e = read_eight(0u, TABLE, group / groups, group % groups / 4u, group % groups % 4u, at % 8u / 2u);
    return four_values(TABLE, e, at % 2u == 0u ? e.low : e.high);
}
#else
vec4 from_table(uint at) {
    return TABLE == TYPE_F32 ? uintBitsToFloat(uvec4(table[2u * at], table[2u * at + 1u])) : halves(TABLE, table[at]);
}
#endif
vec4 from_positions(uint at) {
    return POSITION_TABLE == TYPE_F32 ? uintBitsToFloat(uvec4(position_table[2u * at], position_table[2u * at + 1u]))
                                      : halves(POSITION_TABLE, position_table[at]);
}
#else
float one_half(uint type, uint word, uint at) {
    vec2 both = type == TYPE_F16 ? unpackHalf2x16(word) : unpack_bf16(word);
    return (at & 1u) == 0u ? both.x : both.y;
}
float from_table(uint at) {
    return TABLE == TYPE_F32 ? uintBitsToFloat(table[at]) : one_half(TABLE, table[at / 2u], at);
}
float from_positions(uint at) {
    return POSITION_TABLE == TYPE_F32 ? uintBitsToFloat(position_table[at])
                                      : one_half(POSITION_TABLE, position_table[at / 2u], at);
}
#endif

void main() {
    uint c = gl_GlobalInvocationID.x, token = gl_GlobalInvocationID.y;
    if (c >= push.columns || token >= push.tokens) return;
    uint id = ids[token];
    bool here = id >= push.first && id - push.first < push.rows;
    if (!here && !(push.first == 0u && id >= push.vocabulary)) return;
    VALUE v = VALUE(0.0);
    if (here) v = push.scale * from_table((id - push.first) * push.columns + c);
    if (POSITION_TABLE != NO_TABLE) {
        uint position = positions[token] + push.position_offset;
        if (position < push.position_rows) v += from_positions(position * push.columns + c);
    }
    if (RESIDUAL == 1u) v += residual[token * push.residual_stride + push.residual_start + c];
    y[token * push.y_stride + push.y_start + c] = v;
}
