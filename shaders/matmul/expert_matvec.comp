// SPDX-License-Identifier: Apache-2.0
// Matrix products with the experts that each token chose, for few tokens: one GEMV a pair (token, choice).
//   y[p] = scale[p] * act(x[p / rows_per_x] W[e]^T + bias[e]), e the expert of pair p;
//   gated: act(gate part) * (up part).
// One workgroup computes PASSES times LOCAL / LANES * ROWS columns of one pair.
// Reads the chosen expert's weights once a pair.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef SUBGROUP
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "math.glsl"
#include "activation.glsl"
#include "weight.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint TYPE = 0u;   // of W: lib/block_types.glsl
layout(constant_id = 2) const uint LANES = 32u; // threads that share a row of W, a power of two
layout(constant_id = 3) const uint ROWS = 2u;   // rows of W at a time
layout(constant_id = 4) const uint PASSES = 1u;
layout(constant_id = 5) const uint UNROLL = 1u;
layout(constant_id = 6) const uint SPREAD = 1u; // lanes that share a span of blocks: 1 or 4
layout(constant_id = 7) const uint ACTIVATION = 0u;
layout(constant_id = 8) const uint GATED = 0u;
layout(constant_id = 9) const uint PARTS = 0u;  // epilogue.glsl

layout(push_constant) uniform Push {
    uint columns, depth;         // N or I, K
    uint expert_first, experts;  // those whose weights are bound
    uint expert_stride, bias_stride; // elements from one expert to the next
    uint rows_per_x;             // pairs that share a row of x
    uint x_stride, x_start, w_stride, w_start, up_start, y_stride, y_start, bias_start, bias_up_start;
    uint norm_start;
    float limit, up_offset, eps;
} push;
#include "weights.glsl"
layout(binding = 0) readonly buffer X { XS x[]; };                   // [T * choices / rows_per_x, K]
layout(binding = 1) readonly buffer Weight { WORDS weight[]; };      // [E, N, K], from the first bound expert on
layout(binding = 2) readonly buffer WeightUp { WORDS weight_up[]; }; // the same, of the up rows
layout(binding = 3) readonly buffer Bias { float bias[]; };          // [E, N] or [E, 2I]
layout(binding = 4) readonly buffer Scale { float scale[]; };        // [T * choices]
layout(binding = 5) readonly buffer Experts { uint experts[]; };     // [T * choices]
layout(binding = 6) readonly buffer Norm { XS norm[]; };             // [K]: RMSNorm's weights
layout(binding = 7) writeonly buffer Y { float y[]; };               // [T * choices, N or I]
#include "epilogue.glsl"
#include "fetch.glsl"
#include "eights.glsl"
FETCH8_X(fetch_x, x)
FETCH8_X(fetch_norm, norm)

const uint TOKENS = 1u;
uint expert; // of the pair, from expert_first on

void load_x(uint m, uint k, int count, out vec4 a, out vec4 b) {
    fetch_x(gl_WorkGroupID.y / push.rows_per_x * push.x_stride + push.x_start + k, count, a, b);
}

uint w_at(uint row, bool up) {
    return expert * push.expert_stride + min(row, push.columns - 1u) * push.w_stride +
           (up ? push.up_start : push.w_start);
}

void load_norm(uint k, int count, out vec4 a, out vec4 b) { fetch_norm(push.norm_start + k, count, a, b); }

#include "lane.glsl"
#include "rows.glsl"

void main() {
    uint pair = gl_WorkGroupID.y;
    expert = experts[pair] - push.expert_first;
    if (expert >= push.experts) return; // another dispatch's expert, or a dropped pair
    uint thread = lane_index(), group = gl_WorkGroupID.x * (LOCAL / LANES) + thread / LANES, lane = thread % LANES;
    float factor = (PARTS & (PART_SCALE | PART_SCALE_INPUT)) != 0u ? scale[pair] : 1.0;
    for (uint pass = 0u; pass < PASSES; ++pass) {
        uint first = (group * PASSES + pass) * ROWS;
        float sum[SUMS];
        multiply_rows(first, push.depth, push.eps, sum);
        [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
            uint column = first + r;
            if (r % LANES != lane || column >= push.columns) continue;
            float gate = sum[r], up = GATED == 1u ? sum[ROWS + r] : 0.0;
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
}
