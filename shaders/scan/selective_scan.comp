// SPDX-License-Identifier: Apache-2.0
// Selective scan of Mamba-1 (Gu & Dao 2023, equation 2 with the discretisation of section 3.2, B by Euler), for many tokens of packed sequences:
//   dt = softplus(dt_raw + dt_bias);  h = exp(dt A) h + dt B x;  y = (C.h + D x) silu(z)
// Long sequences are cut into chunks that run side by side, in two passes with selective_scan_carry between them:
//   pass 1: from h = 0: h at the chunk's end and the chunk's sum of dt, whose exp(A sum) is the product of its decays
//   pass 2: from the state that truly enters the chunk: the outputs
// pass 0 does it all, with sequences as single chunks: half the exponentials, but only channels and sequences run side by side.
// One workgroup scans one chunk of CHANNELS channels of one sequence; SPLIT threads share a channel's states. Tokens are staged TILE at a time.
// Bytes: 16 Di + 8 N / CHANNELS a token and channel block (x, dt, z, y; B, C); a pass more reads x, dt and B again.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;    // CHANNELS * SPLIT
layout(constant_id = 1) const uint CHANNELS = 64u; // channels a workgroup
layout(constant_id = 2) const uint BLOCK = 16u;    // states a thread, in registers
layout(constant_id = 3) const uint TILE = 16u;     // tokens staged at a time
layout(constant_id = 4) const uint PARTS = 0u;     // bit 0: z, 1: softplus, 2: state
layout(constant_id = 5) const uint PASS = 0u;
const uint SPLIT = LOCAL / CHANNELS;
const uint STATES = SPLIT * BLOCK; // N rounded up: the rest stays 0

layout(push_constant) uniform Push {
    uint channels, states, group_channels; // Di, N, Di / G
    uint chunk, chunk_rows;                // tokens a chunk; rows of the chunk buffer
    uint x_stride, x_start, dt_stride, dt_start, bc_stride, b_start, c_start, z_stride, z_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; };    // [S, 8] rows of the step
layout(binding = 1) readonly buffer X { float x[]; };                   // [T, Di]
layout(binding = 2) readonly buffer Dt { float dt[]; };                 // [T, Di]
layout(binding = 3) readonly buffer Parameters { float parameters[]; }; // A [Di, N], D [Di], dt_bias [Di]
layout(binding = 4) readonly buffer Bc { float bc[]; };                 // [T, ..] with B [G, N] and C [G, N] at their starts
layout(binding = 5) readonly buffer Z { float z[]; };                   // [T, Di]
layout(binding = 6) writeonly buffer Y { float y[]; };                  // [T, Di]
layout(binding = 7) buffer State { float state[]; };                    // pass 0: [slots, Di, N]; else [chunks, Di, N], then sums of dt [chunks, Di]

shared float sh_x[TILE * CHANNELS], sh_dt[TILE * CHANNELS];
shared float sh_b[TILE * STATES], sh_c[TILE * STATES];
shared float sh_y[TILE * LOCAL]; // partial sums of C.h

void main() {
    uint thread = gl_LocalInvocationID.x;
    uint lane = thread % CHANNELS, part = thread / CHANNELS;
    uint blocks = (push.group_channels + CHANNELS - 1u) / CHANNELS;
    uint group = gl_WorkGroupID.x / blocks;
    uint group_first = group * push.group_channels;
    uint block_first = group_first + gl_WorkGroupID.x % blocks * CHANNELS;
    uint last_channel = group_first + push.group_channels - 1u;
    uint channel = min(block_first + lane, last_channel); // threads beyond the group repeat its last channel and store nothing
    bool stores = block_first + lane <= last_channel;

    uint row = gl_WorkGroupID.z * SEQ_STRIDE;
    uint first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT];
    uint begin = gl_WorkGroupID.y * push.chunk;
    if (begin >= count) return;
    uint end = PASS == 0u ? count : min(begin + push.chunk, count);

    // Chunks of different sequences never share a row: a sequence of c tokens takes at most floor(c / chunk) + 1 rows.
    uint state_row = PASS == 0u ? sequences[row + SEQ_SLOT] : first / push.chunk + gl_WorkGroupID.z + gl_WorkGroupID.y;
    uint states_at = (state_row * push.channels + channel) * push.states;
    bool zero = PASS == 1u || (PASS == 0u && ((PARTS & 4u) == 0u || sequences[row + SEQ_PAST] == 0u));
    float a[BLOCK], h[BLOCK];
    for (uint n = 0u; n < BLOCK; ++n) {
        uint at = part * BLOCK + n;
        bool real = at < push.states;
        a[n] = real ? parameters[channel * push.states + at] * LOG2_E : 0.0;
        h[n] = real && !zero ? state[states_at + at] : 0.0;
    }
    float sum_dt = 0.0;

    for (uint tile = begin; tile < end; tile += TILE) {
        uint tokens = min(TILE, end - tile);
        for (uint i = thread; i < tokens * CHANNELS; i += LOCAL) {
            uint token = first + tile + i / CHANNELS, from = min(block_first + i % CHANNELS, last_channel);
            float step_dt = dt[token * push.dt_stride + push.dt_start + from] + parameters[push.channels * (push.states + 1u) + from];
            sh_dt[i] = (PARTS & 2u) != 0u ? softplus(step_dt) : step_dt;
            sh_x[i] = x[token * push.x_stride + push.x_start + from];
        }
        for (uint i = thread; i < tokens * STATES; i += LOCAL) {
            uint at = (first + tile + i / STATES) * push.bc_stride + group * push.states + i % STATES;
            bool real = i % STATES < push.states;
            sh_b[i] = real ? bc[push.b_start + at] : 0.0;
            if (PASS != 1u) sh_c[i] = real ? bc[push.c_start + at] : 0.0;
        }
        barrier();
        for (uint t = 0u; t < tokens; ++t) {
            float step_dt = sh_dt[t * CHANNELS + lane];
            float dt_x = step_dt * sh_x[t * CHANNELS + lane];
            float sum = 0.0;
            for (uint n = 0u; n < BLOCK; ++n) {
                uint at = t * STATES + part * BLOCK + n;
                h[n] = exp2(step_dt * a[n]) * h[n] + dt_x * sh_b[at];
                if (PASS != 1u) sum += sh_c[at] * h[n];
            }
            if (PASS != 1u) sh_y[t * LOCAL + thread] = sum;
            else sum_dt += step_dt;
        }
        barrier();
        if (PASS != 1u)
            for (uint i = thread; i < tokens * CHANNELS; i += LOCAL) {
                uint token = first + tile + i / CHANNELS, to = block_first + i % CHANNELS;
                if (to > last_channel) continue;
                float sum = 0.0;
                for (uint p = 0u; p < SPLIT; ++p) sum += sh_y[(i / CHANNELS) * LOCAL + p * CHANNELS + i % CHANNELS];
                sum += parameters[push.channels * push.states + to] * sh_x[i];
                if ((PARTS & 1u) != 0u) sum *= silu(z[token * push.z_stride + push.z_start + to]);
                y[token * push.y_stride + push.y_start + to] = sum;
            }
        if (PASS != 1u) barrier(); // sh_x and sh_y are read to the end before the next tile
    }

    if (!stores || PASS == 2u || (PARTS & 4u) == 0u) return;
    for (uint n = 0u; n < BLOCK; ++n)
        if (part * BLOCK + n < push.states) state[states_at + part * BLOCK + n] = h[n];
    if (PASS == 1u && part == 0u) state[push.chunk_rows * push.channels * push.states + state_row * push.channels + channel] = sum_dt;
}
