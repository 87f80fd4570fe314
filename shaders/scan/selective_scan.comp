// SPDX-License-Identifier: Apache-2.0
// Selective scan of Mamba-1 (Gu & Dao 2023, section 3.2; A discretised exactly, B by Euler
// as in the authors' code) over packed sequences:
//   dt = softplus(dt_raw + dt_bias);  h = exp(dt A) h + dt B x;  y = (C.h + D x) silu(z)
// Long sequences may be cut into chunks that run side by side, in two passes with selective_scan_carry between them:
//   pass 1: from h = 0: h at the chunk's end, and the chunk's sum of dt, for exp(A sum) is the product of its decays
//   pass 2: from the state that truly enters the chunk: the outputs
// Pass 0 does it all, a sequence being one chunk: half the exponentials, but only channels
// and sequences run side by side.
// One workgroup scans one chunk of CHANNELS channels of one sequence; SPLIT threads share a channel's states.
// Bytes a token: 16 Di (x, dt, z, y) and 8 N for each workgroup (B, C); pass 1 reads 8 Di and 4 N for each workgroup.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u; // CHANNELS * SPLIT
layout(constant_id = 1) const uint SPLIT = 1u;  // threads a channel
layout(constant_id = 2) const uint BLOCK = 16u; // states a thread, in registers
layout(constant_id = 3) const uint TILE = 16u;  // tokens after which the workgroup's threads meet; even
layout(constant_id = 4) const uint PARTS = 0u;  // bit 0: z, 1: softplus, 2: state
layout(constant_id = 5) const uint PASS = 0u;
const uint CHANNELS = LOCAL / SPLIT;
const uint STATES = SPLIT * BLOCK; // N rounded up: the rest stays 0
const uint STAGED = SPLIT == 1u ? 1u : TILE; // tokens in shared memory
const bool GATED = (PARTS & 1u) != 0u, SOFTPLUS = (PARTS & 2u) != 0u, HAS_STATE = (PARTS & 4u) != 0u;

layout(push_constant) uniform Push {
    uint channels, states, group_channels; // Di, N, Di / G
    uint chunk, chunk_rows;                // tokens a chunk; rows of the chunk buffer
    uint x_stride, x_start, dt_stride, dt_start, bc_stride, b_start, c_start, z_stride, z_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; };    // [S, 8] rows of the step
layout(binding = 1) readonly buffer X { float x[]; };                   // [T, Di]
layout(binding = 2) readonly buffer Dt { float dt[]; };                 // [T, Di]
layout(binding = 3) readonly buffer Parameters { float parameters[]; }; // A [Di, N], D [Di], dt_bias [Di]
layout(binding = 4) readonly buffer Bc { float bc[]; };                 // [T, ..]: B [G, N], C [G, N]
layout(binding = 5) readonly buffer Z { float z[]; };                   // [T, Di]
layout(binding = 6) writeonly buffer Y { float y[]; };                  // [T, Di]
layout(binding = 7) buffer State { float state[]; };                    // [slots or chunks, Di, N], sum_dt [chunks, Di]

shared float sh_x[STAGED * CHANNELS], sh_dt[STAGED * CHANNELS];
shared float sh_b[STAGED * STATES], sh_c[STAGED * STATES];
shared float sh_y[STAGED * LOCAL]; // partial sums of C.h

float a[BLOCK]; // A log2(e)
float h[BLOCK];
float sum_dt = 0.0;

float load_dt(uint token, uint channel) {
    return dt[token * push.dt_stride + push.dt_start + channel] +
           parameters[push.channels * (push.states + 1u) + channel];
}
float load_x(uint token, uint channel) { return x[token * push.x_stride + push.x_start + channel]; }
float load_z(uint token, uint channel) { return GATED ? z[token * push.z_stride + push.z_start + channel] : 0.0; }

void finish(uint token, uint channel, float sum, float input_x, float gate) {
    sum += parameters[push.channels * push.states + channel] * input_x;
    if (GATED) sum *= silu(gate);
    y[token * push.y_stride + push.y_start + channel] = sum;
}

// A thread has all states of its channel: nothing is shared. Inputs are loaded two tokens at a time, so that their
// latencies overlap; the threads meet every TILE tokens only to stay close together in memory.
void scan_alone(uint first, uint begin, uint end, uint channel, uint group, bool stores) {
    for (uint at = begin; at < end; at += 2u) {
        if ((at - begin) % TILE == 0u) barrier();
        float in_dt[2], in_x[2], in_z[2];
        [[unroll]] for (uint i = 0u; i < 2u; ++i) {
            uint token = first + min(at + i, end - 1u);
            in_dt[i] = load_dt(token, channel);
            in_x[i] = load_x(token, channel);
            if (PASS != 1u) in_z[i] = load_z(token, channel);
        }
        [[unroll]] for (uint i = 0u; i < 2u; ++i) {
            if (at + i >= end) continue;
            uint token = first + at + i;
            float step_dt = SOFTPLUS ? softplus(in_dt[i]) : in_dt[i], dt_x = step_dt * in_x[i], sum = 0.0;
            uint bc_at = token * push.bc_stride + group * push.states;
            [[unroll]] for (uint n = 0u; n < BLOCK; ++n) { // BLOCK = N
                h[n] = exp2(step_dt * a[n]) * h[n] + dt_x * bc[push.b_start + bc_at + n];
                if (PASS != 1u) sum += bc[push.c_start + bc_at + n] * h[n];
            }
            sum_dt += step_dt;
            if (PASS != 1u && stores) finish(token, channel, sum, in_x[i], in_z[i]);
        }
    }
}

// TILE tokens at a time: the workgroup stages their inputs, every thread scans its states, then
// the parts of each channel's output are added up.
void scan_together(uint first, uint begin, uint end, uint block_first, uint last_channel, uint group, uint lane,
                   uint part) {
    uint thread = gl_LocalInvocationID.x;
    for (uint tile = begin; tile < end; tile += TILE) {
        uint tokens = min(TILE, end - tile);
        for (uint i = thread; i < tokens * CHANNELS; i += LOCAL) {
            uint token = first + tile + i / CHANNELS, channel = min(block_first + i % CHANNELS, last_channel);
            float in_dt = load_dt(token, channel);
            sh_dt[i] = SOFTPLUS ? softplus(in_dt) : in_dt;
            sh_x[i] = load_x(token, channel);
        }
        for (uint i = thread; i < tokens * STATES; i += LOCAL) {
            uint at = (first + tile + i / STATES) * push.bc_stride + group * push.states + i % STATES;
            bool real = i % STATES < push.states;
            sh_b[i] = real ? bc[push.b_start + at] : 0.0;
            if (PASS != 1u) sh_c[i] = real ? bc[push.c_start + at] : 0.0;
        }
        barrier();
        for (uint t = 0u; t < tokens; ++t) {
            float step_dt = sh_dt[t * CHANNELS + lane], dt_x = step_dt * sh_x[t * CHANNELS + lane], sum = 0.0;
            [[unroll]] for (uint n = 0u; n < BLOCK; ++n) {
                uint at = t * STATES + part * BLOCK + n;
                h[n] = exp2(step_dt * a[n]) * h[n] + dt_x * sh_b[at];
                if (PASS != 1u) sum += sh_c[at] * h[n];
            }
            sum_dt += step_dt;
            if (PASS != 1u) sh_y[t * LOCAL + thread] = sum;
        }
        barrier();
        if (PASS == 1u) continue;
        for (uint i = thread; i < tokens * CHANNELS; i += LOCAL) {
            uint token = first + tile + i / CHANNELS, channel = block_first + i % CHANNELS;
            if (channel > last_channel) continue;
            float sum = 0.0;
            for (uint p = 0u; p < SPLIT; ++p) sum += sh_y[i / CHANNELS * LOCAL + p * CHANNELS + i % CHANNELS];
            finish(token, channel, sum, sh_x[i], load_z(token, channel));
        }
        barrier(); // sh_x and sh_y are free for the next tile
    }
}

void main() {
    uint row = gl_WorkGroupID.z * SEQ_STRIDE, first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT];
    uint begin = gl_WorkGroupID.y * push.chunk, end = PASS == 0u ? count : min(begin + push.chunk, count);
    if (begin >= count) return;

    uint lane = gl_LocalInvocationID.x % CHANNELS, part = gl_LocalInvocationID.x / CHANNELS;
    uint blocks = (push.group_channels + CHANNELS - 1u) / CHANNELS, group = gl_WorkGroupID.x / blocks;
    uint block_first = group * push.group_channels + gl_WorkGroupID.x % blocks * CHANNELS,
         last_channel = (group + 1u) * push.group_channels - 1u;
    // Threads beyond the group repeat its last channel and store nothing.
    uint channel = min(block_first + lane, last_channel);
    bool stores = block_first + lane <= last_channel;

    // Chunks of different sequences never share a row: a sequence of c tokens takes at most
    // floor(c / chunk) + 1 of them.
    uint chunk_row = first / push.chunk + gl_WorkGroupID.z + gl_WorkGroupID.y;
    uint read_at = ((PASS == 0u ? sequences[row + SEQ_READ] : chunk_row) * push.channels + channel) * push.states;
    uint write_at = ((PASS == 0u ? sequences[row + SEQ_WRITE] : chunk_row) * push.channels + channel) * push.states;
    bool from_zero = PASS == 1u || (PASS == 0u && (!HAS_STATE || sequences[row + SEQ_PAST] == 0u));
    [[unroll]] for (uint i = 0u; i < BLOCK; ++i) {
        uint n = part * BLOCK + i;
        a[i] = n < push.states ? parameters[channel * push.states + n] * LOG2_E : 0.0;
        h[i] = n < push.states && !from_zero ? state[read_at + n] : 0.0;
    }

    if (SPLIT == 1u) scan_alone(first, begin, end, channel, group, stores);
    else scan_together(first, begin, end, block_first, last_channel, group, lane, part);

    if (!stores || PASS == 2u || (PASS == 0u && !HAS_STATE)) return;
    [[unroll]] for (uint i = 0u; i < BLOCK; ++i)
        if (part * BLOCK + i < push.states) state[write_at + part * BLOCK + i] = h[i];
    if (PASS == 1u && part == 0u)
        state[push.chunk_rows * push.channels * push.states + chunk_row * push.channels + channel] = sum_dt;
}
