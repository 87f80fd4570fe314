// SPDX-License-Identifier: Apache-2.0
// The words of a sequence's sampler parameters (kernel::SamplerRow), and what both
// parts of sampling must agree on. No bindings.

const uint SAMPLER_STRIDE = 16u;
const uint SAMPLER_TEMPERATURE = 0u;
const uint SAMPLER_TOP_K = 1u;
const uint SAMPLER_TOP_P = 2u;
const uint SAMPLER_MIN_P = 3u;
const uint SAMPLER_REPEAT = 4u;
const uint SAMPLER_WINDOW = 5u;
const uint SAMPLER_SEED = 6u; // two words
const uint SAMPLER_FLAGS = 8u;
const uint SAMPLER_STREAM = 9u;
const uint SAMPLER_FREQUENCY = 10u;
const uint SAMPLER_PRESENCE = 11u;
const uint SAMPLER_NGRAM = 12u;

const uint SAMPLER_GREEDY = 1u; // flags
const uint SAMPLER_ALLOWED = 2u;
const uint SAMPLER_STOPS = 4u;

const float SAMPLER_MOST = 3.402823466e38;
const uint SAMPLER_NO_TOKEN = 0xffffffffu;   // an id that no vocabulary has: there was nothing to choose
const uint SAMPLER_NOT_FINITE = 0xffffffffu; // in place of the largest key, and above that of every number

bool sampler_greedy(uint flags, float temperature) { return (flags & SAMPLER_GREEDY) != 0u || !(temperature >= 1e-5); }

bool sampler_filtered(uint top_k, float top_p, float min_p) { return top_k > 0u || top_p < 1.0 || min_p > 0.0; }

// Keys are ordered as the floats they come from; 0 stands for a token that cannot be chosen.
uint sampler_key(float x) {
    if (x == 0.0) return 0x80000000u; // of both signs
    uint b = floatBitsToUint(x);
    return (b & 0x80000000u) != 0u ? ~b : b | 0x80000000u;
}
float sampler_value(uint key) { return uintBitsToFloat((key & 0x80000000u) != 0u ? key & 0x7fffffffu : ~key); }
