// SPDX-License-Identifier: Apache-2.0
// Linear attention with a decay a key channel (Yang et al. 2024, Gated linear attention, equation 3), and the bonus u
// of RWKV-6 (Peng et al. 2024, Eagle and Finch, section 4):
//   S_t = diag(d) S_{t-1} + k v^T;  o = scale q^T S_t, with a bonus o = scale q^T (S_{t-1} + diag(u) k v^T)
// One workgroup owns some columns of the state of one head and one sequence and walks through the tokens. The state
// stays in registers: thread (part, lane) has PART_SIZE rows of COLUMNS columns, and takes each value through BLOCK
// tokens at once; sums over a column's parts go through workgroup memory. Decays are only ever multiplied with, so that
// none is divided by and no exponent is positive, however strong they are.
// Reads Q, K and d (12 K bytes a token) once a workgroup, v and y once in all, the state once a sequence.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 128u;
layout(constant_id = 1) const uint SIZE = 128u;   // K rounded up to a multiple of 4 PARTS
layout(constant_id = 2) const uint COLUMNS = 2u;  // columns of the state a thread
layout(constant_id = 3) const uint PARTS = 8u;    // threads that share a column
layout(constant_id = 4) const uint BLOCK = 4u;    // tokens that a value of the state meets at once
layout(constant_id = 5) const uint BONUS = 0u;
// 1: the state lies in memory, which a loop that is not unrolled makes sure of: for devices whose registers are memory.
layout(constant_id = 6) const uint ROLLED = 0u;
layout(constant_id = 7) const uint ROWS = 128u;   // K

const uint PART_SIZE = SIZE / PARTS;
const uint ACROSS = LOCAL / PARTS; // lanes: threads with different columns

layout(push_constant) uniform Push {
    uint heads, ratio, columns;                // heads, heads a key head, columns of a state
    uint q_stride, q_start, k_stride, k_start; // in vectors of four
    uint v_stride, v_start, y_stride, y_start;
    float scale;
} push;
layout(binding = 0) readonly buffer Q { vec4 q[]; };                 // [T, Hk * SIZE]
layout(binding = 1) readonly buffer K { vec4 k[]; };                 // [T, Hk * SIZE]
layout(binding = 2) readonly buffer V { float v[]; };                // [T, H * columns]
layout(binding = 3) readonly buffer D { vec4 decays[]; };            // [T, H * SIZE]
layout(binding = 4) readonly buffer U { float bonus[]; };            // [H, K]
layout(binding = 5) writeonly buffer Y { float y[]; };               // [T, H * columns]
layout(binding = 6) buffer State { float state[]; };                 // [slots, H, K, columns]
layout(binding = 7) readonly buffer Sequences { uint sequences[]; }; // [S, 8]

shared float sh_sum[1024];    // [BLOCK, COLUMNS, PARTS, ACROSS]

float s[PART_SIZE * COLUMNS]; // this thread's values of the state
float u[PART_SIZE];           // and of the bonus

bool in_state(uint d, uint part) { return SIZE == ROWS || part * PART_SIZE + d < ROWS; }
// This thread's values of row d of its part of the state. The first of them is at `at`, which moves on to the next row:
// places that were computed from d would all be kept until they serve again.
void load_row(uint d, bool past, inout uint at, uint part, uint column) {
    [[unroll]] for (uint e = 0u; e < COLUMNS; ++e)
        s[d * COLUMNS + e] = past && in_state(d, part) && column + e * ACROSS < push.columns
                                 ? state[at + e * ACROSS] : 0.0;
    at += push.columns;
}
void store_row(uint d, inout uint at, uint part, uint column) {
    [[unroll]] for (uint e = 0u; e < COLUMNS; ++e)
        if (in_state(d, part) && column + e * ACROSS < push.columns)
            state[at + e * ACROSS] = s[d * COLUMNS + e];
    at += push.columns;
}

void main() {
    uint head = gl_WorkGroupID.y, sequence = gl_WorkGroupID.z * SEQ_STRIDE, count = sequences[sequence + SEQ_COUNT];
    if (count == 0u) return;
    uint part = PARTS == 1u ? 0u : gl_LocalInvocationID.x / ACROSS, lane = gl_LocalInvocationID.x % ACROSS;
    uint column = gl_WorkGroupID.x * ACROSS * COLUMNS + lane; // and every ACROSS columns after it
    uint in_part = part * PART_SIZE / 4u, in_key = head / push.ratio * (SIZE / 4u) + in_part;
    uint first_value = part * PART_SIZE * push.columns + column;
    uint read_at = (sequences[sequence + SEQ_READ] * push.heads + head) * ROWS * push.columns + first_value;
    uint write_at = (sequences[sequence + SEQ_WRITE] * push.heads + head) * ROWS * push.columns + first_value;

    bool past = sequences[sequence + SEQ_PAST] > 0u;
    if (ROLLED == 1u)
        [[dont_unroll]] for (uint d = 0u; d < PART_SIZE; ++d) load_row(d, past, read_at, part, column);
    else
        [[unroll]] for (uint d = 0u; d < PART_SIZE; ++d) load_row(d, past, read_at, part, column);
    if (BONUS == 1u)
        [[unroll]] for (uint n = 0u; n < PART_SIZE; ++n)
            u[n] = in_state(n, part) ? bonus[head * ROWS + part * PART_SIZE + n] : 0.0;

    for (uint begin = 0u; begin < count; begin += BLOCK) {
        uint token = sequences[sequence + SEQ_FIRST] + begin, rows = min(BLOCK, count - begin);
        float value[BLOCK * COLUMNS], product[BLOCK * COLUMNS];
        [[unroll]] for (uint n = 0u; n < BLOCK * COLUMNS; ++n) {
            uint t = n / COLUMNS, c = column + n % COLUMNS * ACROSS;
            value[n] = 0.0;
            if (t < rows && c < push.columns)
                value[n] = v[(token + t) * push.v_stride + push.v_start + head * push.columns + c];
            product[n] = 0.0;
        }
        // Tokens beyond the sequence repeat its last one, with no value and no decay: the state stays as it is.
        [[unroll]] for (uint d = 0u; d < PART_SIZE; d += 4u)
            [[unroll]] for (uint b = 0u; b < BLOCK; ++b) {
                uint t = token + min(b, rows - 1u);
                vec4 query = q[t * push.q_stride + push.q_start + in_key + d / 4u];
                vec4 key = k[t * push.k_stride + push.k_start + in_key + d / 4u];
                vec4 decay = decays[(t * push.heads + head) * (SIZE / 4u) + in_part + d / 4u];
                if (b >= rows) decay = vec4(1.0);
                [[unroll]] for (uint i = 0u; i < 4u; ++i)
                    [[unroll]] for (uint e = 0u; e < COLUMNS; ++e) {
                        uint n = (d + i) * COLUMNS + e, o = b * COLUMNS + e;
                        float before = s[n], added = key[i] * value[o];
                        s[n] = fma(decay[i], before, added);
                        product[o] = fma(query[i], BONUS == 1u ? fma(u[d + i], added, before) : s[n], product[o]);
                    }
            }
        if (PARTS > 1u) {
            barrier(); // the block before has been summed
            [[unroll]] for (uint n = 0u; n < BLOCK * COLUMNS; ++n)
                sh_sum[n * LOCAL + gl_LocalInvocationID.x] = product[n];
            barrier();
        }
        [[unroll]] for (uint n = 0u; n < BLOCK * COLUMNS; n += PARTS) {
            uint o = n + part, t = o / COLUMNS, c = column + o % COLUMNS * ACROSS;
            if (o >= BLOCK * COLUMNS || t >= rows || c >= push.columns) continue;
            float sum = PARTS == 1u ? product[n] : 0.0;
            for (uint p = 0u; PARTS > 1u && p < PARTS; ++p) sum += sh_sum[o * LOCAL + p * ACROSS + lane];
            y[(token + t) * push.y_stride + push.y_start + head * push.columns + c] = push.scale * sum;
        }
    }

    if (ROLLED == 1u)
        [[dont_unroll]] for (uint d = 0u; d < PART_SIZE; ++d) store_row(d, write_at, part, column);
    else
        [[unroll]] for (uint d = 0u; d < PART_SIZE; ++d) store_row(d, write_at, part, column);
}
