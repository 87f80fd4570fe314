// SPDX-License-Identifier: Apache-2.0
// Matrix product for many rows (GEMM), with bias, activation, gate, residual and softcap:
//   y[t, n] = softcap(residual[t, n] + scale * act(sum_k x[t, k] W[n, k] + bias[n]));
//   gated: act(gate part) * (up part); softcap(v) = c tanh(v / c).
// One workgroup computes a tile of BM rows and BN (gated: BN / 2) columns of y. Reads x N / BN
// times and W T / BM times, 4 T N bytes written.
// The blocking by shared memory and registers is that of Volkov and Demmel, Benchmarking GPUs
// to tune dense linear algebra (2008).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "activation.glsl"
#include "weight.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 128u;
layout(constant_id = 1) const uint TYPE = 0u;       // of W: lib/block_types.glsl
layout(constant_id = 2) const uint TX = 16u;        // threads side by side
layout(constant_id = 3) const uint TM = 8u;         // rows of x a thread
layout(constant_id = 4) const uint TN = 4u;         // rows of W a thread; even if gated
layout(constant_id = 5) const uint KC = 16u;        // columns a step, a multiple of 8
layout(constant_id = 6) const uint DIRECT = 0u;     // 1: W does not go through shared memory
layout(constant_id = 7) const uint ACTIVATION = 0u;
layout(constant_id = 8) const uint GATED = 0u;
layout(constant_id = 9) const uint PARTS = 0u;      // epilogue.glsl

layout(push_constant) uniform Push {
    uint rows;    // of x in the bucket
    uint columns; // of y
    uint depth;   // K
    uint x_stride, x_start, w_stride, w_start, up_start, y_stride, y_start;
    uint residual_stride, residual_start, bias_start, bias_up_start;
    float limit, up_offset, scale, softcap;
} push;
#include "weights.glsl"
layout(binding = 0) readonly buffer X { XS x[]; };                   // [T, K]
layout(binding = 1) readonly buffer Weight { WORDS weight[]; };      // [N, K], or [I, K]: the gate's rows
layout(binding = 2) readonly buffer WeightUp { WORDS weight_up[]; }; // [I, K]: the up rows
layout(binding = 3) readonly buffer Bias { float bias[]; };          // [N] or [2I]
layout(binding = 4) readonly buffer Residual { float residual[]; };  // as y
layout(binding = 5) writeonly buffer Y { float y[]; };               // [T, N] or [T, I]
#include "epilogue.glsl"
#include "fetch.glsl"
#include "eights.glsl"

const uint BN_OUT = TN * TX / (GATED + 1u);

vec4 load_x(uint m, uint k) {
    uint at = min(gl_WorkGroupID.x * (TM * (LOCAL / TX)) + m, push.rows - 1u) * push.x_stride + push.x_start + k;
#if defined(VECTORS) || defined(BLOCKS)
    return k < push.depth ? x[at / 4u] : vec4(0.0);
#else
    vec4 v;
    [[unroll]] for (uint i = 0u; i < 4u; ++i) v[i] = k + i < push.depth ? x[at + i] : 0.0;
    return v;
#endif
}

uint w_at(uint j, uint tx, bool up) {
    return min(gl_WorkGroupID.y * BN_OUT + (up ? j - TN / 2u : j) * TX + tx, push.columns - 1u) * push.w_stride +
           (up ? push.up_start : push.w_start);
}

#include "tile.glsl"

// The outputs of row m of the thread's.
void finish_row(uint m) {
    uint row = gl_WorkGroupID.x * BM + tile_y() * TM + m;
    [[unroll]] for (uint j = 0u; j < TN / (GATED + 1u); ++j) {
        uint column = gl_WorkGroupID.y * BN_OUT + tile_x() + j * TX;
        if (row >= push.rows || column >= push.columns) continue;
        float gate = sum[m * TN + j], up = GATED == 1u ? sum[m * TN + j + TN / 2u] : 0.0;
        if (part(PART_BIAS)) {
            gate += bias[push.bias_start + column];
            if (GATED == 1u) up += bias[push.bias_up_start + column];
        }
        float v = push.scale * activated(gate, up);
        if (part(PART_RESIDUAL)) v += residual[row * push.residual_stride + push.residual_start + column];
        if (part(PART_SOFTCAP)) v = push.softcap * tanh_exact(v / push.softcap);
        y[row * push.y_stride + push.y_start + column] = v;
    }
}

void main() {
    multiply(push.depth);
    [[unroll]] for (uint m = 0u; m < TM; ++m) finish_row(m);
}
