// SPDX-License-Identifier: Apache-2.0
// Second half of the chunked scans with a matrix state S [K, columns] and one decay a token and head:
// state-space duality (Dao & Gu 2024, section 6) and, with DELTA, the gated delta rule (Yang et al. 2024, section 3.3).
// In each chunk, with M, T and the factors f from the first half:
//   u = T (v - f_k K S)  (without DELTA u = v);  o = f_q Q S + M u;  S = f_s S + (f_u K)^T u
// One workgroup owns some columns of the state of one head and one sequence and walks through its chunks.
// The state stays in registers: thread (part, lane) has PART_SIZE rows of COLUMNS columns, and sums
// over a column's parts go through shared memory. Reads K and Q (8 K bytes a token) once a workgroup,
// v and y once in all, the state once a sequence.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"
#include "chunk.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 128u;
layout(constant_id = 1) const uint SIZE = 128u;    // K rounded up to a multiple of 4 PARTS
layout(constant_id = 2) const uint COLUMNS = 2u;   // columns of the state a thread
layout(constant_id = 3) const uint PARTS = 8u;     // threads that share a column
layout(constant_id = 4) const uint BLOCK = 8u;     // tokens multiplied with the state at once, a multiple of PARTS
layout(constant_id = 5) const uint DELTA = 0u;
// 1: the state lies in memory, which a loop that is not unrolled makes sure of: for devices whose registers are memory.
layout(constant_id = 6) const uint ROLLED = 0u;
layout(constant_id = 7) const uint ROWS = 128u;    // K

const uint PART_SIZE = SIZE / PARTS;
const uint ACROSS = LOCAL / PARTS;          // lanes: threads with different columns
const uint WIDTH = ACROSS * COLUMNS;        // columns a workgroup, at most 64
const uint MIX = DELTA == 1u ? MIX_DELTA : MIX_SSD;

layout(push_constant) uniform Push {
    uint heads, key_heads, ratio, columns;      // H, Hk, neighbouring heads that share a key head, columns of a state
    uint q_stride, q_start, k_stride, k_start;  // in vectors of four
    uint v_stride, v_start, y_stride, y_start;
    uint state_row, state_column;               // from one row or column of a state to the next
} push;
layout(binding = 0) readonly buffer Q { vec4 q[]; };                 // [T, Hk * SIZE]
layout(binding = 1) readonly buffer K { vec4 k[]; };                 // [T, Hk * SIZE]
layout(binding = 2) readonly buffer V { float v[]; };                // [T, H * columns]
layout(binding = 3) readonly buffer Mix { vec4 mix_rows[]; };        // [T, H, MIX]: see chunk.glsl
layout(binding = 4) writeonly buffer Y { float y[]; };               // [T, H * columns]
layout(binding = 5) buffer State { float state[]; };                 // [slots, H, K, columns] or [slots, H, columns, K]
layout(binding = 6) readonly buffer Sequences { uint sequences[]; }; // [S, 8]

shared float sh_part[2048];       // [BLOCK, COLUMNS, PARTS, ACROSS]
shared float sh_r[CHUNK * 64];    // [CHUNK, WIDTH] v - f_k K S
shared float sh_u[CHUNK * 64];    // [CHUNK, WIDTH]

float s[PART_SIZE * COLUMNS];     // this thread's values of the state
float product[BLOCK * COLUMNS];   // of the block's rows with them

void wait() { if (PARTS > 1u) barrier(); } // a thread with whole columns meets no other's values

// Rows of q (or k) from vector `at` on, times the state; rows beyond the last repeat it.
void multiply(bool keys, uint at, uint stride, uint rows) {
    [[unroll]] for (uint n = 0u; n < BLOCK * COLUMNS; ++n) product[n] = 0.0;
    [[unroll]] for (uint d = 0u; d < PART_SIZE; d += 4u)
        [[unroll]] for (uint b = 0u; b < BLOCK; ++b) {
            uint from = at + (BLOCK == 1u ? 0u : min(b, rows - 1u)) * stride + d / 4u;
            vec4 row = keys ? k[from] : q[from];
            [[unroll]] for (uint i = 0u; i < 4u; ++i)
                [[unroll]] for (uint e = 0u; e < COLUMNS; ++e)
                    product[b * COLUMNS + e] = fma(row[i], s[(d + i) * COLUMNS + e], product[b * COLUMNS + e]);
        }
    if (PARTS > 1u) {
        [[unroll]] for (uint n = 0u; n < BLOCK * COLUMNS; ++n) sh_part[n * LOCAL + gl_LocalInvocationID.x] = product[n];
        barrier();
    }
}

// The product of token n + part of the block with column e.
float multiplied(uint n, uint e, uint part, uint lane) {
    if (PARTS == 1u) return product[n * COLUMNS + e];
    float sum = 0.0; // each part begins at its own place, so that threads of a subgroup read different banks
    for (uint p = 0u; p < PARTS; ++p)
        sum += sh_part[((n + part) * COLUMNS + e) * LOCAL + (p + part) % PARTS * ACROSS + lane];
    return sum;
}

bool in_state(uint d, uint part) { return SIZE == ROWS || part * PART_SIZE + d < ROWS; }
// This thread's values of row d of its part of the state. The first of them is at `at`, which moves on to the next row:
// places that were computed from d would all be kept until they serve again.
void load_row(uint d, bool past, inout uint at, uint part, uint column) {
    [[unroll]] for (uint e = 0u; e < COLUMNS; ++e)
        s[d * COLUMNS + e] = past && in_state(d, part) && column + e * ACROSS < push.columns
                                 ? state[at + e * ACROSS * push.state_column] : 0.0;
    at += push.state_row;
}
void store_row(uint d, inout uint at, uint part, uint column) {
    [[unroll]] for (uint e = 0u; e < COLUMNS; ++e)
        if (in_state(d, part) && column + e * ACROSS < push.columns)
            state[at + e * ACROSS * push.state_column] = s[d * COLUMNS + e];
    at += push.state_row;
}

void main() {
    uint head = gl_WorkGroupID.y, sequence = gl_WorkGroupID.z * SEQ_STRIDE, count = sequences[sequence + SEQ_COUNT];
    if (count == 0u) return;
    uint part = PARTS == 1u ? 0u : gl_LocalInvocationID.x / ACROSS, lane = gl_LocalInvocationID.x % ACROSS;
    uint column = gl_WorkGroupID.x * WIDTH + lane; // and every ACROSS columns after it
    uint vector = (head / push.ratio % push.key_heads * SIZE + part * PART_SIZE) / 4u;
    uint first_value = part * PART_SIZE * push.state_row + column * push.state_column;
    uint read_at = (sequences[sequence + SEQ_READ] * push.heads + head) * ROWS * push.columns + first_value;
    uint write_at = (sequences[sequence + SEQ_WRITE] * push.heads + head) * ROWS * push.columns + first_value;

    bool past = sequences[sequence + SEQ_PAST] > 0u;
    if (ROLLED == 1u)
        [[dont_unroll]] for (uint d = 0u; d < PART_SIZE; ++d) load_row(d, past, read_at, part, column);
    else
        [[unroll]] for (uint d = 0u; d < PART_SIZE; ++d) load_row(d, past, read_at, part, column);

    for (uint begin = 0u; begin < count; begin += CHUNK) {
        uint rows = min(CHUNK, count - begin), token = sequences[sequence + SEQ_FIRST] + begin;
        uint q_at = token * push.q_stride + push.q_start + vector, k_at = token * push.k_stride + push.k_start + vector;
        uint v_at = token * push.v_stride + push.v_start + head * push.columns,
             y_at = token * push.y_stride + push.y_start + head * push.columns;
        uint mix_at = (token * push.heads + head) * MIX, mix_stride = push.heads * MIX;
        float u[CHUNK * COLUMNS];

        if (DELTA == 1u) {
            for (uint block = 0u; block < rows; block += BLOCK) {
                multiply(true, k_at + block * push.k_stride, push.k_stride, rows - block);
                [[unroll]] for (uint n = 0u; n < BLOCK; n += PARTS) {
                    uint i = block + n + part;
                    if (i < rows) {
                        float factor = mix_rows[mix_at + i * mix_stride + FACTORS].y;
                        [[unroll]] for (uint e = 0u; e < COLUMNS; ++e) {
                            uint c = column + e * ACROSS;
                            sh_r[i * WIDTH + e * ACROSS + lane] =
                                (c < push.columns ? v[v_at + i * push.v_stride + c] : 0.0) -
                                factor * multiplied(n, e, part, lane);
                        }
                    }
                }
                wait();
            }
            float r[CHUNK * COLUMNS];
            [[unroll]] for (uint n = 0u; n < CHUNK * COLUMNS; ++n)
                r[n] = n / COLUMNS < rows ? sh_r[n / COLUMNS * WIDTH + n % COLUMNS * ACROSS + lane] : 0.0;
            for (uint i = part; i < rows; i += PARTS) {
                float sum[COLUMNS];
                [[unroll]] for (uint e = 0u; e < COLUMNS; ++e) sum[e] = 0.0;
                [[unroll]] for (uint j = 0u; j < CHUNK; j += 4u) {
                    vec4 t = mix_rows[mix_at + i * mix_stride + T_ROW + j / 4u];
                    [[unroll]] for (uint m = 0u; m < 4u; ++m)
                        [[unroll]] for (uint e = 0u; e < COLUMNS; ++e)
                            sum[e] = fma(t[m], r[(j + m) * COLUMNS + e], sum[e]);
                }
                [[unroll]] for (uint e = 0u; e < COLUMNS; ++e) sh_u[i * WIDTH + e * ACROSS + lane] = sum[e];
            }
            wait();
        }
        [[unroll]] for (uint n = 0u; n < CHUNK * COLUMNS; ++n) {
            uint j = n / COLUMNS, c = column + n % COLUMNS * ACROSS;
            u[n] = 0.0;
            if (j < rows)
                u[n] = DELTA == 1u        ? sh_u[j * WIDTH + n % COLUMNS * ACROSS + lane]
                       : c < push.columns ? v[v_at + j * push.v_stride + c]
                                          : 0.0;
        }

        for (uint block = 0u; block < rows; block += BLOCK) {
            multiply(false, q_at + block * push.q_stride, push.q_stride, rows - block);
            [[unroll]] for (uint n = 0u; n < BLOCK; n += PARTS) {
                uint i = block + n + part;
                if (i < rows) {
                    float sum[COLUMNS], factor = mix_rows[mix_at + i * mix_stride + FACTORS].x;
                    [[unroll]] for (uint e = 0u; e < COLUMNS; ++e)
                        sum[e] = factor * multiplied(n, e, part, lane);
                    [[unroll]] for (uint j = 0u; j < CHUNK; j += 4u) {
                        vec4 m = mix_rows[mix_at + i * mix_stride + j / 4u];
                        [[unroll]] for (uint l = 0u; l < 4u; ++l)
                            [[unroll]] for (uint e = 0u; e < COLUMNS; ++e)
                                sum[e] = fma(m[l], u[(j + l) * COLUMNS + e], sum[e]);
                    }
                    [[unroll]] for (uint e = 0u; e < COLUMNS; ++e)
                        if (column + e * ACROSS < push.columns)
                            y[y_at + i * push.y_stride + column + e * ACROSS] = sum[e];
                }
            }
            wait();
        }

        float decay = mix_rows[mix_at + FACTORS].w;
        [[unroll]] for (uint n = 0u; n < PART_SIZE * COLUMNS; ++n) s[n] *= decay;
        for (uint i = 0u; i < rows; ++i) {
            float factor = mix_rows[mix_at + i * mix_stride + FACTORS].z, w[COLUMNS];
            [[unroll]] for (uint e = 0u; e < COLUMNS; ++e) {
                uint c = column + e * ACROSS;
                w[e] = factor * (DELTA == 1u        ? sh_u[i * WIDTH + e * ACROSS + lane]
                                 : c < push.columns ? v[v_at + i * push.v_stride + c]
                                                    : 0.0);
            }
            [[unroll]] for (uint d = 0u; d < PART_SIZE; d += 4u) {
                vec4 row = k[k_at + i * push.k_stride + d / 4u];
                [[unroll]] for (uint l = 0u; l < 4u; ++l)
                    [[unroll]] for (uint e = 0u; e < COLUMNS; ++e)
                        s[(d + l) * COLUMNS + e] = fma(row[l], w[e], s[(d + l) * COLUMNS + e]);
            }
        }
    }

    if (ROLLED == 1u)
        [[dont_unroll]] for (uint d = 0u; d < PART_SIZE; ++d) store_row(d, write_at, part, column);
    else
        [[unroll]] for (uint d = 0u; d < PART_SIZE; ++d) store_row(d, write_at, part, column);
}
