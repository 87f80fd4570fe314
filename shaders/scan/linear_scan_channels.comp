// SPDX-License-Identifier: Apache-2.0
// Linear attention with a decay a key channel (Yang et al. 2024, Gated linear attention, equation 3), and the bonus u of
// RWKV-6 (Peng et al. 2024, Eagle and Finch, section 4):
//   S_t = diag(d) S_{t-1} + k v^T;  o = scale q^T S_t, with a bonus o = scale q^T (S_{t-1} + diag(u) k v^T)
// One workgroup owns some columns of the state of one head and one sequence and walks through the tokens. The state
// stays in registers: thread (part, lane) has PART_SIZE rows of COLUMNS columns, and takes each value through BLOCK
// tokens at once; sums over a column's parts go through workgroup memory. Decays are only ever multiplied in, so that
// none is divided by and no exponent is positive, however strong they are.
// Reads Q, K (and D) once a workgroup, v and y once in all, the state once a sequence.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 128u;
layout(constant_id = 1) const uint SIZE = 128u;   // K rounded up to a multiple of 4 PARTS
layout(constant_id = 2) const uint COLUMNS = 2u;  // columns of the state a thread
layout(constant_id = 3) const uint PARTS = 8u;    // threads that share a column
layout(constant_id = 4) const uint BLOCK = 4u;    // tokens multiplied with the state at once
layout(constant_id = 5) const uint STAGE = 8u;    // tokens in workgroup memory, a multiple of BLOCK
layout(constant_id = 6) const uint BONUS = 0u;
// 1: moves the state by a loop of unknown length, which keeps it in memory: for devices whose registers are memory.
layout(constant_id = 7) const uint ROLLED = 0u;

const uint PART_SIZE = SIZE / PARTS;
const uint ACROSS = LOCAL / PARTS;   // lanes: threads with different columns
const uint VECTORS = SIZE / 4u;

layout(push_constant) uniform Push {
    uint heads, ratio, size, columns;                       // heads, heads a key head, K and the columns of a state
    uint q_stride, q_start, k_stride, k_start, v_stride, v_start, decay_stride, decay_start, y_stride, y_start;
    uint state_values;                                      // a thread
    float scale;
} push;
layout(binding = 0) readonly buffer Q { float q[]; };                // [T, Hk * K]
layout(binding = 1) readonly buffer K { float k[]; };                // [T, Hk * K]
layout(binding = 2) readonly buffer V { float v[]; };                // [T, H * columns]
layout(binding = 3) readonly buffer D { float log_decay[]; };        // [T, H * K]
layout(binding = 4) readonly buffer U { float bonus[]; };            // [H, K]
layout(binding = 5) writeonly buffer Y { float y[]; };               // [T, H * columns]
layout(binding = 6) buffer State { float state[]; };                 // [slots, H, K, columns]
layout(binding = 7) readonly buffer Sequences { uint sequences[]; }; // [S, 8]

shared vec4 sh_q[256], sh_k[256], sh_decay[256]; // [STAGE, VECTORS]
shared float sh_sum[1024];                       // [BLOCK, COLUMNS, PARTS, ACROSS]

float s[PART_SIZE * COLUMNS]; // this thread's values of the state
float u[PART_SIZE];           // and of the bonus

// Tokens from `token` on. Beyond the sequence and beyond K everything is zero, and nothing decays.
void stage(uint head, uint token, uint rows) {
    uint q_at = token * push.q_stride + push.q_start + head / push.ratio * push.size,
         k_at = token * push.k_stride + push.k_start + head / push.ratio * push.size,
         decay_at = token * push.decay_stride + push.decay_start + head * push.size;
    for (uint n = gl_LocalInvocationID.x; n < STAGE * VECTORS; n += LOCAL) {
        uint t = n / VECTORS, d = n % VECTORS * 4u;
        vec4 query = vec4(0.0), key = vec4(0.0), decay = vec4(1.0);
        [[unroll]] for (uint i = 0u; i < 4u; ++i)
            if (t < rows && d + i < push.size) {
                query[i] = push.scale * q[q_at + t * push.q_stride + d + i];
                key[i] = k[k_at + t * push.k_stride + d + i];
                decay[i] = exp(log_decay[decay_at + t * push.decay_stride + d + i]);
            }
        sh_q[n] = query;
        sh_k[n] = key;
        sh_decay[n] = decay;
    }
}

void main() {
    uint head = gl_WorkGroupID.y, sequence = gl_WorkGroupID.z * SEQ_STRIDE, count = sequences[sequence + SEQ_COUNT];
    if (count == 0u) return;
    uint part = PARTS == 1u ? 0u : gl_LocalInvocationID.x / ACROSS, lane = gl_LocalInvocationID.x % ACROSS;
    uint first = gl_WorkGroupID.x * ACROSS * COLUMNS; // the columns are this, + lane, and every ACROSS after it
    uint read_at = (sequences[sequence + SEQ_READ] * push.heads + head) * push.size * push.columns;
    uint write_at = (sequences[sequence + SEQ_WRITE] * push.heads + head) * push.size * push.columns;

    bool past = sequences[sequence + SEQ_PAST] > 0u;
    for (uint n = 0u; n < (ROLLED == 1u ? push.state_values : PART_SIZE * COLUMNS); ++n) {
        uint d = part * PART_SIZE + n / COLUMNS, c = first + lane + n % COLUMNS * ACROSS;
        s[n] = past && d < push.size && c < push.columns ? state[read_at + d * push.columns + c] : 0.0;
    }
    if (BONUS == 1u)
        [[unroll]] for (uint n = 0u; n < PART_SIZE; ++n) {
            uint d = part * PART_SIZE + n;
            u[n] = d < push.size ? bonus[head * push.size + d] : 0.0;
        }

    for (uint begin = 0u; begin < count; begin += STAGE) {
        uint token = sequences[sequence + SEQ_FIRST] + begin, rows = min(STAGE, count - begin);
        barrier();
        stage(head, token, rows);
        barrier();
        for (uint block = 0u; block < rows; block += BLOCK) {
            float value[BLOCK * COLUMNS], product[BLOCK * COLUMNS];
            [[unroll]] for (uint n = 0u; n < BLOCK * COLUMNS; ++n) {
                uint t = block + n / COLUMNS, c = first + lane + n % COLUMNS * ACROSS;
                value[n] = 0.0;
                if (t < rows && c < push.columns)
                    value[n] = v[(token + t) * push.v_stride + push.v_start + head * push.columns + c];
                product[n] = 0.0;
            }
            [[unroll]] for (uint d = 0u; d < PART_SIZE; d += 4u)
                [[unroll]] for (uint b = 0u; b < BLOCK; ++b) {
                    uint at = (block + b) * VECTORS + (part * PART_SIZE + d) / 4u;
                    vec4 query = sh_q[at], key = sh_k[at], decay = sh_decay[at];
                    [[unroll]] for (uint i = 0u; i < 4u; ++i)
                        [[unroll]] for (uint e = 0u; e < COLUMNS; ++e) {
                            uint n = (d + i) * COLUMNS + e, o = b * COLUMNS + e;
                            float before = s[n], added = key[i] * value[o];
                            s[n] = fma(decay[i], before, added);
                            product[o] = fma(query[i], BONUS == 1u ? fma(u[d + i], added, before) : s[n], product[o]);
                        }
                }
            if (PARTS > 1u) {
                [[unroll]] for (uint n = 0u; n < BLOCK * COLUMNS; ++n)
                    sh_sum[n * LOCAL + gl_LocalInvocationID.x] = product[n];
                barrier();
            }
            [[unroll]] for (uint n = 0u; n < BLOCK * COLUMNS; n += PARTS) {
                uint o = n + part, t = block + o / COLUMNS, c = first + lane + o % COLUMNS * ACROSS;
                if (o >= BLOCK * COLUMNS || t >= rows || c >= push.columns) continue;
                float sum = PARTS == 1u ? product[n] : 0.0;
                for (uint p = 0u; PARTS > 1u && p < PARTS; ++p) sum += sh_sum[o * LOCAL + p * ACROSS + lane];
                y[(token + t) * push.y_stride + push.y_start + head * push.columns + c] = sum;
            }
            if (PARTS > 1u) barrier();
        }
    }

    for (uint n = 0u; n < (ROLLED == 1u ? push.state_values : PART_SIZE * COLUMNS); ++n) {
        uint d = part * PART_SIZE + n / COLUMNS, c = first + lane + n % COLUMNS * ACROSS;
        if (d < push.size && c < push.columns) state[write_at + d * push.columns + c] = s[n];
    }
}
