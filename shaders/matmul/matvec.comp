// SPDX-License-Identifier: Apache-2.0
// Matrix product for 1 to 8 rows (GEMV): as matmul.comp, but every weight is read once for all rows of x.
//   y[t, n] = softcap(residual[t, n] + scale * act(sum_k x[t, k] W[n, k] + bias[n]));
//   gated: act(gate part) * (up part); softcap(v) = c tanh(v / c).
// One workgroup computes PASSES times LOCAL / LANES * ROWS columns of y. Reads W once, N K weights; x from cache.
// With LANES = 1 each thread streams PASSES * ROWS whole rows that lie side by side:
// long streams are what a CPU's prefetcher wants.
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
layout(constant_id = 7) const uint TOKENS = 1u; // rows of x
layout(constant_id = 8) const uint ACTIVATION = 0u;
layout(constant_id = 9) const uint GATED = 0u;
layout(constant_id = 10) const uint PARTS = 0u; // epilogue.glsl

layout(push_constant) uniform Push {
    uint columns; // of y
    uint depth;   // K
    uint x_stride, x_start, w_stride, w_start, up_start, y_stride, y_start;
    uint residual_stride, residual_start, bias_start, bias_up_start, norm_start;
    float limit, up_offset, scale, softcap, eps;
} push;
#include "weights.glsl"
layout(binding = 0) readonly buffer X { XS x[]; };                   // [T, K]
layout(binding = 1) readonly buffer Weight { WORDS weight[]; };      // [N, K], or [I, K]: the gate's rows
layout(binding = 2) readonly buffer WeightUp { WORDS weight_up[]; }; // [I, K]: the up rows
layout(binding = 3) readonly buffer Bias { float bias[]; };          // [N] or [2I]
layout(binding = 4) readonly buffer Residual { float residual[]; };  // as y
layout(binding = 5) readonly buffer Norm { XS norm[]; };             // [K]: RMSNorm's weights
layout(binding = 6) writeonly buffer Y { float y[]; };               // [T, N] or [T, I]
#include "epilogue.glsl"
#include "fetch.glsl"
#include "eights.glsl"
FETCH8_X(fetch_x, x)
FETCH8_X(fetch_norm, norm)

void load_x(uint m, uint k, int count, out vec4 a, out vec4 b) {
    fetch_x(m * push.x_stride + push.x_start + k, count, a, b);
}

uint w_at(uint row, bool up) {
    return min(row, push.columns - 1u) * push.w_stride + (up ? push.up_start : push.w_start);
}

void load_norm(uint k, int count, out vec4 a, out vec4 b) { fetch_norm(push.norm_start + k, count, a, b); }

#include "lane.glsl"
#include "rows.glsl"

void main() {
    uint thread = lane_index(), group = gl_WorkGroupID.x * (LOCAL / LANES) + thread / LANES, lane = thread % LANES;
    for (uint pass = 0u; pass < PASSES; ++pass) {
        uint first = (group * PASSES + pass) * ROWS;
        float sum[SUMS];
        multiply_rows(first, push.depth, push.eps, sum);
        [[unroll]] for (uint v = 0u; v < TOKENS * ROWS; ++v) {
            uint row = v / ROWS, column = first + v % ROWS;
            if (v % LANES != lane || column >= push.columns) continue;
            float gate = sum[row * PARTS_ROWS + v % ROWS];
            float up = GATED == 1u ? sum[row * PARTS_ROWS + ROWS + v % ROWS] : 0.0;
            if (part(PART_BIAS)) {
                gate += bias[push.bias_start + column];
                if (GATED == 1u) up += bias[push.bias_up_start + column];
            }
            float value = push.scale * activated(gate, up);
            if (part(PART_RESIDUAL)) value += residual[row * push.residual_stride + push.residual_start + column];
            if (part(PART_SOFTCAP)) value = push.softcap * tanh_exact(value / push.softcap);
            y[row * push.y_stride + push.y_start + column] = value;
        }
    }
}
