// SPDX-License-Identifier: Apache-2.0
// Spectra of blocks of a long convolution (long_conv.comp). Two channels are the real and the imaginary part of one
// transform; f and N - f of it lie in memory as they are, and channels are not told apart. Of a sequence's block b the
// numbers are those of the rows of blocks b - 1 and b; of a filter's those of its own block, and zeros:
//   rows:   Z[f] = FFT(x_c + i x_(c+1))
//   filter: of H = FFT(h_c + i h_(c+1)): with P = (H_c[f] + H_(c+1)[f]) / 2 and M = (H_c[f] - H_(c+1)[f]) / 2, which
//           are what Z[f] and conj(Z[N - f]) are multiplied with, P at f and M at N - f; at 0 and N / 2, where they
//           are real, P as (P[0], P[N / 2]) and M so.
// Bytes: 8 a row and channel are written.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "step.glsl"
#include "long_conv.glsl"

layout(constant_id = 1) const uint FILTER = 0u; // 1: blocks of the filter
layout(constant_id = 2) const uint GATED = 0u;  // 1: rows are x times gate

layout(push_constant) uniform Push {
    uint channels, first_channel, pairs; // in all; those of these spectra, two by two
    uint taps;                           // rows of the filter
    uint x_stride, x_start, gate_stride, gate_start;
} push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; }; // [S, 8] rows of the step
layout(binding = 1) readonly buffer X { float x[]; };                // [T, C], or the filter [L, C]
layout(binding = 2) readonly buffer Gate { float gate[]; };          // [T, C]
layout(binding = 3) writeonly buffer Spectra { vec2 spectra[]; };    // [blocks, pairs, N]

float number(uint row, uint channel) {
    if (channel >= push.channels) return 0.0;
    float value = x[row * push.x_stride + push.x_start + channel];
    if (GATED == 1u) value *= gate[row * push.gate_stride + push.gate_start + channel];
    return value;
}

void main() {
    uint thread = gl_LocalInvocationID.x, pair = gl_WorkGroupID.x, block = gl_WorkGroupID.y,
         row = gl_WorkGroupID.z * SEQ_STRIDE, first = 0u, count = push.taps, to = block;
    if (FILTER == 0u) {
        first = sequences[row + SEQ_FIRST];
        count = sequences[row + SEQ_COUNT];
        to += first / BLOCK + gl_WorkGroupID.z;
    }
    if (block * BLOCK >= count) return;
    uint channel = push.first_channel + 2u * pair;
    [[unroll]] for (uint i = 0u; i < 8u; ++i) {
        uint n = thread + i * LOCAL, at = block * BLOCK + n;
        bool there = at < count && n < BLOCK;
        if (FILTER == 0u) {
            at -= BLOCK; // before the sequence it wraps to beyond its end
            there = at < count;
        }
        values[n] = there ? vec2(number(first + at, channel), number(first + at, channel + 1u)) : vec2(0.0);
    }
    transform();
    uint base = (to * push.pairs + pair) * N;
    if (FILTER == 0u) {
        [[unroll]] for (uint i = 0u; i < 8u; ++i) spectra[base + thread + i * LOCAL] = values[thread + i * LOCAL];
        return;
    }
    [[unroll]] for (uint i = 0u; i < 4u; ++i) {
        uint f = thread + i * LOCAL, g = f == 0u ? BLOCK : N - f;
        vec2 at_f = values[f], at_g = values[g], one = 0.5 * (at_f + conjugate(at_g)),
             other = 0.5 * (at_f - conjugate(at_g));
        other = vec2(other.y, -other.x);
        if (f == 0u) {
            one = vec2(at_f.x, at_g.x);
            other = vec2(at_f.y, at_g.y);
        }
        spectra[base + f] = 0.5 * (one + other);
        spectra[base + g] = 0.5 * (one - other);
    }
}
