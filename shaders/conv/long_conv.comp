// SPDX-License-Identifier: Apache-2.0
// Causal convolution with a filter that may be as long as the sequence, each channel with its own (Poli et al. 2023,
// Hyena Hierarchy, section 3), in blocks of half a transform (overlap-save; uniformly partitioned):
//   y[t, c] = after[t, c] (sum over l <= t of h[l, c] v[t - l, c] + skip[c] v[t, c]),  v = x before
// A workgroup makes one block of two channels of one sequence from the spectra of all blocks up to it, and of those of
// the filter that reach it (long_conv_blocks.comp).
// Bytes of a block of B rows, k blocks behind the first: 32 B (k + 1) a pair of channels; operations: 32 B (k + 1).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "step.glsl"
#include "long_conv.glsl"

layout(constant_id = 1) const uint PARTS = 0u; // bit 0: before, 1: after, 2: skip

layout(push_constant) uniform Push {
    uint channels, first_channel, pairs, taps;
    uint x_stride, x_start, before_stride, before_start, after_stride, after_start, skip_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; };      // [S, 8] rows of the step
layout(binding = 1) readonly buffer X { float x[]; };                     // [T, C]
layout(binding = 2) readonly buffer Before { float before[]; };           // [T, C]
layout(binding = 3) readonly buffer After { float after[]; };             // [T, C]
layout(binding = 4) readonly buffer Skip { float skip[]; };               // [C]
layout(binding = 5) readonly buffer RowSpectra { vec2 row_spectra[]; };   // [blocks, pairs, N]
layout(binding = 6) readonly buffer Spectra { vec2 filter_spectra[]; };   // [blocks of the filter, pairs, N]
layout(binding = 7) writeonly buffer Y { float y[]; };                    // [T, C]

void store(uint row, uint channel, float sum) {
    if (channel >= push.channels) return;
    if ((PARTS & 4u) != 0u) {
        float value = x[row * push.x_stride + push.x_start + channel];
        if ((PARTS & 1u) != 0u) value *= before[row * push.before_stride + push.before_start + channel];
        sum += skip[push.skip_start + channel] * value;
    }
    if ((PARTS & 2u) != 0u) sum *= after[row * push.after_stride + push.after_start + channel];
    y[row * push.y_stride + push.y_start + channel] = sum;
}

void main() {
    uint thread = gl_LocalInvocationID.x, pair = gl_WorkGroupID.x, block = gl_WorkGroupID.y,
         row = gl_WorkGroupID.z * SEQ_STRIDE, first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT];
    if (block * BLOCK >= count) return;
    uint last = first / BLOCK + gl_WorkGroupID.z + block, reach = min(block, (push.taps - 1u) / BLOCK);
    vec2 sum_f[4], sum_g[4];
    [[unroll]] for (uint i = 0u; i < 4u; ++i) sum_f[i] = sum_g[i] = vec2(0.0);
    for (uint j = 0u; j <= reach; ++j) {
        uint from = ((last - j) * push.pairs + pair) * N, by = (j * push.pairs + pair) * N;
        [[unroll]] for (uint i = 0u; i < 4u; ++i) {
            uint f = thread + i * LOCAL, g = f == 0u ? BLOCK : N - f;
            vec2 at_f = row_spectra[from + f], at_g = row_spectra[from + g], plus = filter_spectra[by + f],
                 minus = filter_spectra[by + g];
            if (f == 0u) {
                sum_f[i] += plus.x * at_f + minus.x * conjugate(at_f);
                sum_g[i] += plus.y * at_g + minus.y * conjugate(at_g);
            } else {
                sum_f[i] += times(plus, at_f) + times(minus, conjugate(at_g));
                sum_g[i] += times(conjugate(plus), at_g) + times(conjugate(minus), conjugate(at_f));
            }
        }
    }
    // Back by the same transform, of the conjugates.
    [[unroll]] for (uint i = 0u; i < 4u; ++i) {
        uint f = thread + i * LOCAL, g = f == 0u ? BLOCK : N - f;
        values[f] = conjugate(sum_f[i]);
        values[g] = conjugate(sum_g[i]);
    }
    transform();
    uint channel = push.first_channel + 2u * pair;
    [[unroll]] for (uint i = 0u; i < 4u; ++i) {
        uint n = thread + i * LOCAL, at = block * BLOCK + n;
        if (at >= count) continue;
        vec2 sum = conjugate(values[BLOCK + n]) / float(N);
        store(first + at, channel, sum.x);
        store(first + at, channel + 1u, sum.y);
    }
}
