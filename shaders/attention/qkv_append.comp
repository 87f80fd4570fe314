// SPDX-License-Identifier: Apache-2.0
// Between projections and attention, for every head of every new token: RMS norm of q and k (Zhang & Sennrich 2019,
// equation 4), rotary embedding (Su et al. 2021, equation 34), q back in place, k and v into the caches.
//   x = x * rsqrt(mean(x^2) + eps) * w
//   [a, b] = [a cos t - b sin t, b cos t + a sin t] * factor,  t = position * frequency
// A thread owns two rotary pairs of a head, four channels; what is exchanged are the sums of the norms and, where words
// of a cache have channels of several threads, keys and values.
// q8_0: the scale of 32 channels is the largest |x| / 127 as a half, a number is x / scale, rounded to nearest even (as
// ggml's Q8_0, which divides by the scale before that is a half).
// A workgroup takes as many heads as fit it, and strides over the new tokens of one sequence.
// Reads 4 bytes a channel and writes 4 (2 for caches in f16, a bit more than 1 in q8_0).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "cache.glsl"
#include "math.glsl"
#include "exp.glsl"
#include "half.glsl"
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint HEAD = 64u;
layout(constant_id = 2) const uint VALUE = 64u;
layout(constant_id = 3) const uint Q_HEADS = 1u; // heads that x holds of each; 0: none
layout(constant_id = 4) const uint K_HEADS = 1u;
layout(constant_id = 5) const uint V_HEADS = 1u;
layout(constant_id = 6) const uint ROTARY = 64u;     // channels
layout(constant_id = 7) const uint INTERLEAVED = 0u; // 1: channel 2i turns with 2i + 1, else i with i + ROTARY / 2
layout(constant_id = 8) const uint CACHE_FORMAT = 0u; // of the caches, 0: f32, 1: f16, 2: q8_0
// Bit 0: norm, 1: q_weight, 2: k_weight, 3: long table, 4: axes, 5: NTK, 6: temperature.
layout(constant_id = 9) const uint PARTS = 0u;

layout(push_constant) uniform Push {
    uint x_stride, q_start, k_start, v_start;
    uint capacity, first_slot, slots; // this dispatch serves slots [first_slot, first_slot + slots)
    uint position_stride, original;
    float eps, k_scale, factor, long_factor, ntk, temperature, temperature_floor, temperature_offset;
} push;
layout(binding = 0) buffer X { float x[]; };                              // [T, ...]: q, k, v are columns of it
layout(binding = 1) readonly buffer QWeight { float q_weight[]; };        // [d]
layout(binding = 2) readonly buffer KWeight { float k_weight[]; };        // [d]
layout(binding = 3) readonly buffer Frequencies { float frequencies[]; }; // [rows, ROTARY / 2]
layout(binding = 4) readonly buffer Positions { uint positions[]; };      // [axes, T]
layout(binding = 5) readonly buffer Sequences { uint sequences[]; };      // [S, 8]
layout(binding = 6) writeonly buffer KCache { uint k_cache[]; };          // [slots, G, capacity, d]
layout(binding = 7) writeonly buffer VCache { uint v_cache[]; };          // [slots, G, capacity, dv]

const uint PAIRS = ROTARY / 2u;
const uint WIDTH = (HEAD > VALUE ? HEAD : VALUE) / 4u; // threads a head

shared float sh_squares[LOCAL];
shared float sh_row[LOCAL * 4u]; // keys and values of the workgroup's heads

// Whether threads share words of a cache: then a thread stores four neighbours in place of its own channels.
bool shares_words() { return CACHE_FORMAT == 2u || (CACHE_FORMAT == 1u && INTERLEAVED == 0u && PAIRS % 2u == 1u); }

// Channels of pair p of a head: the rotary pairs first, then neighbours.
uvec2 pair(uint p) { return INTERLEAVED == 0u && p < PAIRS ? uvec2(p, p + PAIRS) : uvec2(2u * p, 2u * p + 1u); }

vec2 rotate(vec2 v, uint p, uint token, uint length_) {
    bool beyond = length_ > push.original;
    float frequency = frequencies[((PARTS & 8u) != 0u && beyond ? PAIRS : 0u) + p];
    if ((PARTS & 32u) != 0u && beyond && ROTARY > 2u)
        frequency *= stretch(push.ntk, float(length_ - push.original), float(push.original), p, PAIRS - 1u);
    uint axis = (PARTS & 16u) != 0u ? uint(frequencies[((PARTS & 8u) != 0u ? 2u : 1u) * PAIRS + p]) : 0u;
    // Rounded as the reference implementations round it.
    precise float angle = float(int(positions[axis * push.position_stride + token])) * frequency; // -1: nowhere
    vec2 turn = cos_sin(angle) * ((PARTS & 8u) != 0u && beyond ? push.long_factor : push.factor);
    return vec2(v.x * turn.x - v.y * turn.y, v.y * turn.x + v.x * turn.y);
}

void put(bool is_k, uint at, uint word) {
    if (is_k) k_cache[at] = word; else v_cache[at] = word;
}

// This thread's channels into a row of a cache. Half-split pairs are neighbours of each other, twice; all other pairs
// are neighbours themselves.
void store_own(bool is_k, uint row, uint size, uvec2 c0, uvec2 c1, vec2 v0, vec2 v1) {
    uint at = row * size;
    if (CACHE_FORMAT == 0u) {
        put(is_k, at + c0.x, floatBitsToUint(v0.x));
        put(is_k, at + c0.y, floatBitsToUint(v0.y));
        put(is_k, at + c1.x, floatBitsToUint(v1.x));
        put(is_k, at + c1.y, floatBitsToUint(v1.y));
    } else {
        bool split = c1.x == c0.x + 1u;
        put(is_k, (at + c0.x) / 2u, pack_halves(split ? vec2(v0.x, v1.x) : v0));
        put(is_k, (at + (split ? c0.y : c1.x)) / 2u, pack_halves(split ? vec2(v0.y, v1.y) : v1));
    }
}

// The scale of a group of the head that begins at `head` of sh_row: of none, 0. Among magnitudes as bits NaN is the
// largest.
uint scale_of(uint head, uint size, uint group) {
    uint top = 0u;
    for (uint c = group * 32u; c < min(group * 32u + 32u, size); ++c)
        top = max(top, floatBitsToUint(sh_row[head + c]) & 0x7fffffffu);
    return half_bits(uintBitsToFloat(top) / 127.0);
}

// Channels 4 n .. 4 n + 3 of the head that begins at `head` of sh_row into a row of a cache.
void store_shared(bool is_k, uint row, uint head, uint size, uint n) {
    uint from = head + 4u * n;
    vec4 v = vec4(sh_row[from], sh_row[from + 1u], sh_row[from + 2u], sh_row[from + 3u]);
    if (CACHE_FORMAT == 1u) {
        put(is_k, row * (size / 2u) + 2u * n, pack_halves(v.xy));
        put(is_k, row * (size / 2u) + 2u * n + 1u, pack_halves(v.zw));
    } else {
        uint at = row * q8_0_words(size), bits = scale_of(head, size, n / 8u);
        float scale = unpackHalf2x16(bits).x;
        ivec4 q = ivec4(scale == 0.0 ? vec4(0.0) : clamp(roundEven(v / scale), -127.0, 127.0)) & 255;
        put(is_k, at + n, uint(q.x | (q.y << 8) | (q.z << 16) | (q.w << 24)));
        if (n % 16u == 0u) put(is_k, at + size / 4u + n / 16u, bits | (scale_of(head, size, n / 8u + 1u) << 16));
    }
}

void main() {
    uint lane = gl_LocalInvocationID.x, row = gl_WorkGroupID.z * SEQ_STRIDE;
    bool packed = (PARTS & 128u) != 0u; // keys and values lie as the step's tokens do
    uint slot = packed ? 0u : sequences[row + SEQ_SLOT] - push.first_slot;
    if (slot >= push.slots) return;
    uint first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT], past = sequences[row + SEQ_PAST],
         length_ = sequences[row + SEQ_LENGTH];
    uint item = gl_WorkGroupID.x * (LOCAL / WIDTH) + lane / WIDTH; // a head of q, k or v
    bool is_q = item < Q_HEADS, is_k = !is_q && item < Q_HEADS + K_HEADS, is_v = !is_q && !is_k;
    uint head = is_q ? item : is_k ? item - Q_HEADS : item - Q_HEADS - K_HEADS;
    uint heads = is_q ? Q_HEADS : is_k ? K_HEADS : V_HEADS;
    uint first_row = cache_head(slot, heads, head, push.capacity);
    uint size = is_v ? VALUE : HEAD;
    uint p = lane % WIDTH * 2u; // the first of this thread's two pairs of the head
    bool used = lane < LOCAL / WIDTH * WIDTH && head < heads && 2u * p < size;
    uvec2 c0 = is_v ? uvec2(2u * p, 2u * p + 1u) : pair(p), c1 = is_v ? c0 + 2u : pair(p + 1u);
    uint start = (is_q ? push.q_start : is_k ? push.k_start : push.v_start) + head * size;

    for (uint i = gl_WorkGroupID.y; i < count; i += gl_NumWorkGroups.y) {
        uint token = first + i, at = token * push.x_stride + start;
        vec2 v0 = vec2(0.0), v1 = vec2(0.0);
        if (used) {
            v0 = vec2(x[at + c0.x], x[at + c0.y]);
            v1 = vec2(x[at + c1.x], x[at + c1.y]);
        }
        if (is_k) {
            v0 *= push.k_scale;
            v1 *= push.k_scale;
        }
        if ((PARTS & 1u) != 0u) {
            barrier(); // the last token's sums have been read
            sh_squares[lane] = dot(v0, v0) + dot(v1, v1);
            barrier();
            float squares = 0.0;
            for (uint k = 0u; k < HEAD / 4u; ++k) squares += sh_squares[min(lane - lane % WIDTH + k, LOCAL - 1u)];
            float scale = inversesqrt(squares / float(HEAD) + push.eps);
            if (!is_v) {
                v0 *= scale;
                v1 *= scale;
            }
        }
        if (used && is_q && (PARTS & 2u) != 0u) {
            v0 *= vec2(q_weight[c0.x], q_weight[c0.y]);
            v1 *= vec2(q_weight[c1.x], q_weight[c1.y]);
        }
        if (used && is_k && (PARTS & 4u) != 0u) {
            v0 *= vec2(k_weight[c0.x], k_weight[c0.y]);
            v1 *= vec2(k_weight[c1.x], k_weight[c1.y]);
        }
        if (used && !is_v && p < PAIRS) v0 = rotate(v0, p, token, length_);
        if (used && !is_v && p + 1u < PAIRS) v1 = rotate(v1, p + 1u, token, length_);
        if (used && is_q) {
            float scale = 1.0;
            if ((PARTS & 64u) != 0u)
                scale += push.temperature *
                         log(1.0 + floor((float(positions[token]) + push.temperature_offset) / push.temperature_floor));
            x[at + c0.x] = v0.x * scale;
            x[at + c0.y] = v0.y * scale;
            x[at + c1.x] = v1.x * scale;
            x[at + c1.y] = v1.y * scale;
        }
        uint to = cache_row(first_row, push.capacity, ((packed ? first : past) + i) % push.capacity);
        if (!shares_words() || K_HEADS + V_HEADS == 0u) {
            if (used && !is_q) store_own(is_k, to, size, c0, c1, v0, v1);
            continue;
        }
        uint own = lane / WIDTH * WIDTH * 4u; // where the head begins in sh_row
        barrier(); // the last token's rows have been stored
        if (used && !is_q) {
            sh_row[own + c0.x] = v0.x;
            sh_row[own + c0.y] = v0.y;
            sh_row[own + c1.x] = v1.x;
            sh_row[own + c1.y] = v1.y;
        }
        barrier();
        if (used && !is_q) store_shared(is_k, to, own, size, lane % WIDTH);
    }
}
