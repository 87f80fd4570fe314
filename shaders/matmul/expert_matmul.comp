// SPDX-License-Identifier: Apache-2.0
// Matrix products with the experts that each token chose, for many tokens (grouped GEMM over pairs sorted
// by expert, as in MegaBlocks, Gale et al. 2022).
//   y[p] = scale[p] * act(x[p / rows_per_x] W[e]^T + bias[e]), e the expert of pair p;
//   gated: act(gate part) * (up part).
// Pairs of one expert are cut into tiles of BM. Expert e owns the tile numbers from floor(offsets[e] / BM) + e on:
// always enough, growing with e, and so found by bisection with no table. One workgroup computes BN (gated: BN / 2)
// columns of every gl_NumWorkGroups.x-th tile.
// Reads each chosen expert's weights once a tile of its pairs, and x once for every BN columns.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "activation.glsl"
#include "weight.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 128u;
layout(constant_id = 1) const uint TYPE = 0u; // of W: lib/block_types.glsl
layout(constant_id = 2) const uint TX = 16u;  // threads side by side
layout(constant_id = 3) const uint TM = 8u;   // pairs a thread
layout(constant_id = 4) const uint TN = 4u;   // rows of W a thread; even if gated
layout(constant_id = 5) const uint KC = 16u;  // columns a step, a multiple of 8
layout(constant_id = 6) const uint DIRECT = 0u; // 1: W does not go through shared memory
layout(constant_id = 7) const uint ACTIVATION = 0u;
layout(constant_id = 8) const uint GATED = 0u;
layout(constant_id = 9) const uint PARTS = 0u; // epilogue.glsl

layout(push_constant) uniform Push {
    uint columns, depth;         // N or I, K
    uint expert_first, experts;  // those whose weights are bound
    uint expert_stride, bias_stride; // elements from one expert to the next
    uint rows_per_x;             // pairs that share a row of x
    uint x_stride, x_start, w_stride, w_start, up_start, y_stride, y_start, bias_start, bias_up_start;
    float limit, up_offset;
} push;
#include "weights.glsl"
layout(binding = 0) readonly buffer X { XS x[]; };                   // [T * choices / rows_per_x, K]
layout(binding = 1) readonly buffer Weight { WORDS weight[]; };      // [E, N, K], from the first bound expert on
layout(binding = 2) readonly buffer WeightUp { WORDS weight_up[]; }; // the same, of the up rows
layout(binding = 3) readonly buffer Bias { float bias[]; };          // [E, N] or [E, 2I]
layout(binding = 4) readonly buffer Scale { float scale[]; };        // [T * choices]
layout(binding = 5) readonly buffer Order { uint order[]; };         // [T * choices]: pairs sorted by expert
layout(binding = 6) readonly buffer Offsets { uint offsets[]; };     // [E + 1]: where an expert's pairs begin in order
layout(binding = 7) writeonly buffer Y { float y[]; };               // [T * choices, N or I]
#include "epilogue.glsl"
#include "fetch.glsl"
#include "eights.glsl"

const uint BN_OUT = TN * TX / (GATED + 1u);
const uint TILE_PAIRS = TM * (LOCAL / TX);
shared uint sh_pair[TILE_PAIRS];
uint expert; // of the tile, from expert_first on

vec4 load_x(uint m, uint k) {
    uint at = sh_pair[m] / push.rows_per_x * push.x_stride + push.x_start + k;
#if defined(VECTORS) || defined(BLOCKS)
    return k < push.depth ? x[at / 4u] : vec4(0.0);
#else
    vec4 v;
    [[unroll]] for (uint i = 0u; i < 4u; ++i) v[i] = k + i < push.depth ? x[at + i] : 0.0;
    return v;
#endif
}

uint w_at(uint j, uint tx, bool up) {
    return expert * push.expert_stride +
           min(gl_WorkGroupID.y * BN_OUT + (up ? j - TN / 2u : j) * TX + tx, push.columns - 1u) * push.w_stride +
           (up ? push.up_start : push.w_start);
}

#include "tile.glsl"

// Where the tile numbers of the bound expert e begin, counted from the first bound one's.
uint tile_begin(uint e) { return offsets[push.expert_first + e] / BM - offsets[push.expert_first] / BM + e; }

// The outputs of row m of the thread's in a tile whose first `pairs` rows are pairs of the expert.
void finish_row(uint m, uint pairs) {
    uint in_tile = tile_y() * TM + m, pair = sh_pair[in_tile];
    float factor = (PARTS & (PART_SCALE | PART_SCALE_INPUT)) != 0u ? scale[pair] : 1.0;
    [[unroll]] for (uint j = 0u; j < TN / (GATED + 1u); ++j) {
        uint column = gl_WorkGroupID.y * BN_OUT + tile_x() + j * TX;
        if (in_tile >= pairs || column >= push.columns) continue;
        float gate = sum[m * TN + j], up = GATED == 1u ? sum[m * TN + j + TN / 2u] : 0.0;
        if (part(PART_SCALE_INPUT)) {
            gate *= factor;
            up *= factor;
        }
        if (part(PART_BIAS)) {
            uint at = (push.expert_first + expert) * push.bias_stride + column;
            gate += bias[at + push.bias_start];
            if (GATED == 1u) up += bias[at + push.bias_up_start];
        }
        float v = activated(gate, up);
        y[pair * push.y_stride + push.y_start + column] = part(PART_SCALE) ? factor * v : v;
    }
}

void main() {
    uint tiles = tile_begin(push.experts);
    for (uint tile = gl_WorkGroupID.x; tile < tiles; tile += gl_NumWorkGroups.x) {
        uint low = 0u, high = push.experts; // the last expert that begins at or before the tile
        while (high - low > 1u) {
            uint middle = (low + high) / 2u;
            if (tile_begin(middle) <= tile) low = middle;
            else high = middle;
        }
        expert = low;
        uint begin = offsets[push.expert_first + low] + (tile - tile_begin(low)) * BM,
             end = offsets[push.expert_first + low + 1u];
        if (begin >= end) continue; // the same for the whole workgroup
        barrier();                  // the last tile's pairs have been read
        for (uint i = gl_LocalInvocationID.x; i < BM; i += LOCAL) sh_pair[i] = order[min(begin + i, end - 1u)];
        barrier();
        multiply(push.depth);
        [[unroll]] for (uint m = 0u; m < TM; ++m) finish_row(m, end - begin);
    }
}
