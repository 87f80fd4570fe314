// SPDX-License-Identifier: Apache-2.0
// Second part of sampling (the first is sample_scan.comp): chooses the token of each output and writes it where the
// next decode step looks for it.
//   top-k: keys >= T, the k-th largest; top-p (Holtzman et al. 2019): keys >= T, the largest T with sum of exp(x - max)
//   over them >= top_p * sum over what top-k left; min-p (Nguyen et al. 2024): exp(x - max) >= min_p; then the token
//   with the largest x + Gumbel noise; SAMPLER_NO_TOKEN where a logit is not finite or none can be chosen
// One workgroup takes one output. A threshold is found by cutting the range of keys in sixteen, pass by pass, until the
// few keys left can be sorted; parts of the vocabulary whose largest key lies below the range are not read. Cost: 4 V
// bytes a pass without top-k, 3 passes or so; with top-k only the parts of the k best.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"
#include "philox.glsl"
#include "sampler.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 128u; // a multiple of 128
layout(constant_id = 1) const uint PARTS = 1u;   // of 512 tokens
layout(constant_id = 2) const uint WANTED = 0u;  // bit 0: history, 1: ring, 2: ids

layout(push_constant) uniform Push { uint capacity, ring_rows, outputs; } push;
layout(binding = 0) readonly buffer Header { uint header[]; };            // [16] step header
layout(binding = 1) readonly buffer Settings { uint settings[]; };        // [slots, 16] SamplerRow
layout(binding = 2) buffer Scratch { uvec4 scratch[]; };                  // [O, 1 + parts + 128 parts]: see sample_scan
layout(binding = 3) writeonly buffer Ids { uint ids[]; };                 // [T]
layout(binding = 4) writeonly buffer Ring { uint ring[]; };               // [rows, O]
layout(binding = 5) writeonly buffer History { uint history[]; };         // [slots, capacity]

const uint MOST_LISTED = 512u;
const uint LOWEST = 1u; // key of every token that can be chosen

shared uint sh_part[PARTS]; // largest key of each part
shared float sh_sum[16 * 128];
shared uint sh_list[MOST_LISTED];
shared uint sh_sorted[MOST_LISTED];
shared uint sh_count;
shared uint sh_best; // key of the largest score
shared uint sh_id;
uint keys_at; // where the keys begin in scratch
float top;    // largest x

float mass_of(uint key) { return exp(sampler_value(key) - top); }

// Sums of each sixteenth over the workgroup, into sh_sum[128 * j]: first the stacks of 128 lanes
// one after another, then a tree.
void sum_up(float sums[16]) {
    uint lane = gl_LocalInvocationID.x, column = lane % 128u;
    [[dont_unroll]] for (uint stack = 0u; stack < LOCAL / 128u; ++stack) {
        if (lane / 128u == stack)
            [[unroll]] for (uint j = 0u; j < 16u; ++j)
                sh_sum[128u * j + column] = (stack == 0u ? 0.0 : sh_sum[128u * j + column]) + sums[j];
        barrier();
    }
    [[dont_unroll]] for (uint bits = 7u; bits-- > 0u;) { // halves of 2^bits lanes
        for (uint i = lane; i < 16u << bits; i += LOCAL) {
            uint at = 128u * (i >> bits) + bitfieldExtract(i, 0, int(bits));
            sh_sum[at] += sh_sum[at + (1u << bits)];
        }
        barrier();
    }
}

// Where the j-th sixteenth of keys low .. high - 1 begins; of the whole range, in steps that suit logits. The same
// number wherever it is computed: nothing that a device may round as it likes.
uint cut(uint j, uint low, uint high, bool whole) {
    if (j == 0u) return low;
    // 32 2^(-(j - 1) / 2), by the exponents of 32 and 32 / sqrt(2)
    float below = uintBitsToFloat((j % 2u == 1u ? 0x42000000u : 0x41b504f3u) - ((j - 1u) / 2u << 23));
    return whole ? max(low, sampler_key(top - below)) : min(high, low + j * ((high - low + 15u) / 16u));
}

// The largest key T >= low with measure(keys >= T) >= goal, where the measure is the number of keys or,
// if `mass`, their share of the mass of all keys >= low. `few`: most likely so few keys are >= low
// that they can be listed at once.
uint search(bool mass, float goal, uint low, bool few) {
    uint lane = gl_LocalInvocationID.x, high = sampler_key(top) + 1u;
    float above = 0.0; // measure of the keys >= high
    bool whole = true, listing = few;
    while (high - low > 1u) {
        float sums[16];
        [[unroll]] for (uint j = 0u; j < 16u; ++j) sums[j] = 0.0;
        barrier(); // all have read what the list held before
        if (lane == 0u) sh_count = 0u;
        barrier();
        [[dont_unroll]] for (uint part = lane / 128u; part < PARTS; part += LOCAL / 128u) {
            if (sh_part[part] < low) continue;
            uvec4 keys = scratch[keys_at + part * 128u + lane % 128u];
            vec4 measures = vec4(0.0);
            [[unroll]] for (uint i = 0u; i < 4u; ++i) {
                if (keys[i] < low || keys[i] >= high) continue;
                measures[i] = mass ? mass_of(keys[i]) : 1.0;
                if (listing && sh_count <= MOST_LISTED) {
                    uint at = atomicAdd(sh_count, 1u);
                    if (at < MOST_LISTED) sh_list[at] = keys[i];
                }
            }
            if (measures == vec4(0.0)) continue;
            [[unroll]] for (uint j = 0u; j < 16u; ++j) {
                uint from = cut(j, low, high, whole);
                [[unroll]] for (uint i = 0u; i < 4u; ++i) sums[j] += keys[i] >= from ? measures[i] : 0.0;
            }
        }
        sum_up(sums);
        if (whole && mass) goal *= sh_sum[0];
        uint count = sh_count;
        if (listing && count <= MOST_LISTED) {
            for (uint i = lane; i < count; i += LOCAL) { // the list's order is chance, that of its sorted keys is not
                uint place = 0u;
                for (uint j = 0u; j < count; ++j)
                    place += uint(sh_list[j] > sh_list[i] || (sh_list[j] == sh_list[i] && j < i));
                sh_sorted[place] = sh_list[i];
            }
            barrier();
            uint found = low;
            for (uint i = 0u; i < count; ++i) {
                found = sh_sorted[i];
                above += mass ? mass_of(found) : 1.0;
                if (above >= goal) break;
            }
            return above >= goal ? found : low;
        }
        uint j = 15u;
        while (j > 0u && above + sh_sum[128u * j] < goal) --j;
        if (j < 15u) above += sh_sum[128u * (j + 1u)];
        uint from = cut(j, low, high, whole);
        if (j < 15u) high = cut(j + 1u, low, high, whole);
        low = from;
        whole = false;
        listing = true;
    }
    return low;
}

// The k-th largest of the parts' largest keys: not above the k-th largest key.
uint part_floor(uint k) {
    barrier(); // all have read the largest key
    if (gl_LocalInvocationID.x == 0u) sh_count = LOWEST;
    barrier();
    [[dont_unroll]] for (uint part = gl_LocalInvocationID.x; part < PARTS; part += LOCAL) {
        uint mine = sh_part[part], before = 0u;
        [[dont_unroll]] for (uint other = 0u; other < PARTS; ++other)
            before += uint(other < part ? sh_part[other] >= mine : sh_part[other] > mine);
        if (before == k - 1u) sh_count = max(mine, LOWEST);
    }
    barrier();
    return sh_count;
}

void main() {
    uint lane = gl_LocalInvocationID.x, o = gl_WorkGroupID.x;
    if (o >= header[STEP_OUTPUTS]) return; // its sequence has ended: what it holds stays
    uint parts_at = o * (1u + 129u * PARTS) + 1u;
    uvec4 about = scratch[parts_at - 1u];
    uint slot = about.x, position = about.y, row = slot * SAMPLER_STRIDE;
    bool filtered = about.z != 0u;
    keys_at = parts_at + PARTS;
    if (lane == 0u) {
        sh_count = sh_best = 0u;
        sh_id = SAMPLER_NO_TOKEN;
    }
    barrier();
    uint best = 0u, best_id = 0u, largest = 0u; // best: key of a score, 0 for none
    [[dont_unroll]] for (uint part = lane; part < PARTS; part += LOCAL) {
        uvec4 p = scratch[parts_at + part];
        sh_part[part] = p.z;
        largest = max(largest, p.z);
        if (p.x > best) {
            best = p.x;
            best_id = p.y;
        }
    }
    atomicMax(sh_count, largest);
    barrier();
    largest = sh_count;
    top = sampler_value(largest);

    uint low = LOWEST;
    float min_p = 0.0;
    bool finite = largest != SAMPLER_NOT_FINITE;
    if (filtered && finite && largest > 0u) {
        uint k = settings[row + SAMPLER_TOP_K];
        float top_p = uintBitsToFloat(settings[row + SAMPLER_TOP_P]);
        min_p = uintBitsToFloat(settings[row + SAMPLER_MIN_P]);
        bool few = k > 0u && k <= MOST_LISTED / 2u;
        [[dont_unroll]] for (uint filter_ = 0u; filter_ < 2u; ++filter_) { // the same code for both
            bool mass = filter_ == 1u;
            if (mass ? !(top_p < 1.0) : k == 0u) continue;
            if (!mass) low = part_floor(k);
            low = search(mass, mass ? top_p : float(k), low, few && (mass || k <= PARTS));
        }
        uvec2 seed = uvec2(settings[row + SAMPLER_SEED], settings[row + SAMPLER_SEED + 1u]);
        best = 0u;
        [[dont_unroll]] for (uint part = lane / 128u; part < PARTS; part += LOCAL / 128u) {
            if (sh_part[part] < low) continue;
            uint quad = part * 128u + lane % 128u;
            uvec4 keys = scratch[keys_at + quad];
            if (max(max(keys.x, keys.y), max(keys.z, keys.w)) < low) continue;
            uvec4 bits = philox(uvec4(quad, position, settings[row + SAMPLER_STREAM], 0u), seed);
            [[unroll]] for (uint i = 0u; i < 4u; ++i) {
                if (keys[i] < low || mass_of(keys[i]) < min_p) continue;
                uint score = sampler_key(sampler_value(keys[i]) + gumbel(bits[i]));
                if (score > best) {
                    best = score;
                    best_id = 4u * quad + i;
                }
            }
        }
    }
    // The largest score, then the lowest id that has it: maxima and minima do not depend on the order.
    if (best > 0u) atomicMax(sh_best, best);
    barrier();
    if (best > 0u && best == sh_best) atomicMin(sh_id, best_id);
    barrier();
    uint token = finite ? sh_id : SAMPLER_NO_TOKEN;
    if (lane == 0u) {
        if ((WANTED & 1u) != 0u) history[slot * push.capacity + position % push.capacity] = token;
        if ((WANTED & 2u) != 0u) ring[header[STEP_RING] % push.ring_rows * push.outputs + o] = token;
        if ((WANTED & 4u) != 0u) ids[o] = token;
        scratch[parts_at - 1u] = uvec4(low, token, uint(filtered), largest); // for sample_probabilities.comp
    }
}
