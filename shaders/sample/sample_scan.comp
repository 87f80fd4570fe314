// SPDX-License-Identifier: Apache-2.0
// First part of sampling: penalties and temperature for all logits, and what each part of 512 tokens
// has to offer. The second part is sample.comp.
//   x = logit < 0 ? logit * repeat : logit / repeat, if the token occurred
//   x -= frequency * occurrences + presence * (occurrences > 0)
//   x = -inf if it would end an n-gram again or is not allowed
//   x /= temperature   (transformers' logits processors, Keskar et al. 2019 for the penalty)
//   greedy: best = max x; sampling without a filter: best = max (x + Gumbel noise); with one: x is stored
// One workgroup takes 512 tokens of the vocabulary for one output; each counts the history's tokens that lie in its
// part. A logit that is NaN or +inf, whether it may be chosen or not, makes SAMPLER_NOT_FINITE the largest key.
// Cost: 4 V bytes read, with a filter 4 V written.
// scratch [O, 1 + parts + 128 parts] uvec4: {slot, position, filtered, greedy},
// each part's {key of the best score, its id, key of the largest x, slot}, keys of x.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"
#include "philox.glsl"
#include "sampler.glsl"

layout(local_size_x = 128) in;
layout(constant_id = 0) const uint PARTS = 0u; // bit 0: history, 1: allowed, 2: x is wanted of every row

layout(push_constant) uniform Push { uint vocabulary, parts, stride, start, capacity, allowed_words; } push;
layout(binding = 0) readonly buffer Logits { float logits[]; };                // [O, V]
layout(binding = 1) readonly buffer Outputs { uint outputs[]; };               // [O]
layout(binding = 2) readonly buffer TokenSequence { uint token_sequence[]; };  // [T]
layout(binding = 3) readonly buffer Sequences { uint sequences[]; };           // [S, 8]
layout(binding = 4) readonly buffer Settings { uint settings[]; };             // [slots, 16] SamplerRow
layout(binding = 5) readonly buffer History { uint history[]; };               // [slots, capacity]
layout(binding = 6) readonly buffer Allowed { uint allowed[]; };               // [slots, ceil(V / 32)] bits
layout(binding = 7) writeonly buffer Scratch { uvec4 scratch[]; };             // [O, 1 + parts + 128 parts]

shared uint sh_mark[512]; // occurrences of each token of the part; the top bit: banned
shared uint sh_best; // key of the largest score
shared uint sh_id;
shared uint sh_top;  // largest key

const uint BANNED = 0x80000000u;

// Walks over the tokens that the history holds, `count` before `position`.
void mark_history(uint slot, uint position, uint row, uint first) {
    uint lane = gl_LocalInvocationID.x, base = slot * push.capacity;
    uint held = min(position, push.capacity), window = settings[row + SAMPLER_WINDOW];
    window = window == 0u ? held : min(window, held);
    uint ngram = settings[row + SAMPLER_NGRAM];
    for (uint i = lane; i < held; i += 128u) {
        uint p = position - 1u - i, id = history[base + p % push.capacity] - first;
        if (id >= 512u) continue;
        if (i < window) atomicAdd(sh_mark[id], 1u);
        if (ngram == 0u || i + ngram > held) continue; // the n-gram that ends at p must be held
        bool same = true;
        for (uint j = 1u; j < ngram && same; ++j)
            same = history[base + (p - j) % push.capacity] == history[base + (position - j) % push.capacity];
        if (same) atomicOr(sh_mark[id], BANNED);
    }
}

void main() {
    uint lane = gl_LocalInvocationID.x, part = gl_WorkGroupID.x, o = gl_WorkGroupID.y, first = part * 512u;
    uint token = outputs[o], sequence = token_sequence[token] * SEQ_STRIDE;
    uint slot = sequences[sequence + SEQ_SLOT],
         position = sequences[sequence + SEQ_PAST] + token - sequences[sequence + SEQ_FIRST] + 1u;
    uint row = slot * SAMPLER_STRIDE;
    bool greedy = sampler_greedy(settings[row + SAMPLER_FLAGS], uintBitsToFloat(settings[row + SAMPLER_TEMPERATURE]));
    bool filtered = !greedy && (sampler_filtered(settings[row + SAMPLER_TOP_K],
                                                 uintBitsToFloat(settings[row + SAMPLER_TOP_P]),
                                                 uintBitsToFloat(settings[row + SAMPLER_MIN_P])) ||
                                (PARTS & 4u) != 0u);

    if (lane == 0u) {
        sh_best = sh_top = 0u;
        sh_id = 0xffffffffu;
    }
    barrier();
    float repeat = 1.0, frequency = 0.0, presence = 0.0;
    if ((PARTS & 1u) != 0u) {
        for (uint i = lane; i < 512u; i += 128u) sh_mark[i] = 0u;
        barrier();
        repeat = uintBitsToFloat(settings[row + SAMPLER_REPEAT]);
        frequency = uintBitsToFloat(settings[row + SAMPLER_FREQUENCY]);
        presence = uintBitsToFloat(settings[row + SAMPLER_PRESENCE]);
        if (repeat != 1.0 || frequency != 0.0 || presence != 0.0 || settings[row + SAMPLER_NGRAM] != 0u)
            mark_history(slot, position, row, first);
        barrier();
    }
    uint permitted = 0xffffffffu;
    uint word = (first + 4u * lane) / 32u;
    if ((PARTS & 2u) != 0u && (settings[row + SAMPLER_FLAGS] & SAMPLER_ALLOWED) != 0u)
        permitted = word < push.allowed_words ? allowed[slot * push.allowed_words + word] >> (4u * lane % 32u) : 0u;

    float temperature = greedy ? 1.0 : uintBitsToFloat(settings[row + SAMPLER_TEMPERATURE]);
    uvec4 bits = uvec4(0u);
    if (!greedy && !filtered)
        bits = philox(uvec4(first / 4u + lane, position, settings[row + SAMPLER_STREAM], 0u),
                      uvec2(settings[row + SAMPLER_SEED], settings[row + SAMPLER_SEED + 1u]));
    uvec4 stored = uvec4(0u);
    uint best = 0u, best_id = 0u, top = 0u; // keys; 0: none
    [[unroll]] for (uint i = 0u; i < 4u; ++i) {
        uint id = first + 4u * lane + i;
        float x = -SAMPLER_MOST;
        bool usable = false;
        if (id < push.vocabulary) {
            x = logits[o * push.stride + push.start + id];
            uint given = floatBitsToUint(x);
            bool finite = (given & 0x7fffffffu) < 0x7f800000u || given == 0xff800000u; // -inf: a token that cannot be
            if (!finite) top = SAMPLER_NOT_FINITE;
            uint mark = (PARTS & 1u) != 0u ? sh_mark[4u * lane + i] : 0u;
            uint count = mark & ~BANNED;
            if (count > 0u) {
                x = x < 0.0 ? x * repeat : x / repeat;
                x -= frequency * float(count) + presence;
            }
            usable = finite && ((permitted >> i) & 1u) != 0u && mark < BANNED && floatBitsToUint(x) != 0xff800000u;
            x = clamp(x / temperature, -SAMPLER_MOST, SAMPLER_MOST);
        }
        uint key = usable ? sampler_key(x) : 0u;
        stored[i] = key;
        top = max(top, key);
        uint score = greedy || filtered || !usable ? key : sampler_key(x + gumbel(bits[i]));
        if (score > best) {
            best = score;
            best_id = id;
        }
    }
    uint begin = o * (1u + 129u * push.parts);
    if (filtered) scratch[begin + 1u + push.parts + part * 128u + lane] = stored;

    // The largest score, then the lowest id that has it: maxima and minima do not depend on the order.
    atomicMax(sh_top, top);
    atomicMax(sh_best, best);
    barrier();
    if (best > 0u && best == sh_best) atomicMin(sh_id, best_id);
    barrier();
    if (lane == 0u) {
        scratch[begin + 1u + part] = uvec4(sh_best, sh_id, sh_top, slot);
        if (part == 0u) scratch[begin] = uvec4(slot, position, uint(filtered), uint(greedy));
    }
}
