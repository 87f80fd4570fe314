// SPDX-License-Identifier: Apache-2.0
// Chooses k of E experts for each token: softmax routers (Mixtral, Qwen, DeepSeek-V2), sigmoid routers with a bias for
// the choice only and groups (DeepSeek-V3, 2024, equations 12 to 16), routers on logits (Granite, gpt-oss, Llama 4).
//   choice[e] = score(logits)[e] + bias[e], -inf outside the kept groups; the k largest, ties to the lowest index
//   (without a bias and without sums of scores: logits[e], which no rounding or saturation of the score makes equal)
//   weight[j] = scale * w[j] (/ (sum w + eps)),
//   w = score, softmax over the chosen logits, or sigmoid of the chosen logit
// Tokens beyond the step choose no expert. One workgroup takes one token. An expert's place is the number of candidates
// before it: no barrier a choice. Cost: 4 E + 8 k bytes a token.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint EXPERTS = 8u;     // E, at most 1024
layout(constant_id = 2) const uint CHOICES = 2u;     // k, at most 32
layout(constant_id = 3) const uint SCORE = 0u;       // 0 softmax, 1 sigmoid, 2 logit, 3 sqrt(softplus)
layout(constant_id = 4) const uint WEIGHT = 0u;      // 0 score, 1 softmax or 2 sigmoid of the chosen logits
layout(constant_id = 5) const uint GROUPS = 1u;      // groups of EXPERTS / GROUPS neighbours
layout(constant_id = 6) const uint KEPT_GROUPS = 1u;
layout(constant_id = 7) const uint GROUP_SCORE = 0u; // 0 best, 1 sum of the best two
layout(constant_id = 8) const uint PARTS = 0u;       // bit 0: bias, 1: renormalise

layout(push_constant) uniform Push { uint logits_stride, logits_start; float eps, scale; } push;
layout(binding = 0) readonly buffer Logits { float logits[]; };    // [T, E]
layout(binding = 1) readonly buffer Bias { float bias[]; };        // [E]
layout(binding = 2) writeonly buffer Experts { uint experts[]; };  // [T, k]
layout(binding = 3) writeonly buffer Weights { float weights[]; }; // [T, k]
layout(binding = 4) readonly buffer Header { uint header[]; };     // [16] step header

const float LOWEST = -3.402823466e38; // NaN and -inf count as this: every comparison below is one of numbers

shared float sh_choice[EXPERTS];
shared float sh_score[EXPERTS]; // first the logit
shared float sh_group[GROUPS];
shared float sh_reduce[LOCAL];
shared uint sh_expert[CHOICES];
shared uint sh_candidate[EXPERTS];
shared uint sh_count;
shared float sh_floor;

float workgroup_reduce(float value, bool is_max) {
    uint i = gl_LocalInvocationID.x;
    sh_reduce[i] = value;
    barrier();
    for (uint half_size = LOCAL / 2u; half_size > 0u; half_size /= 2u) {
        if (i < half_size)
            sh_reduce[i] = is_max ? max(sh_reduce[i], sh_reduce[i + half_size])
                                  : sh_reduce[i] + sh_reduce[i + half_size];
        barrier();
    }
    float result = sh_reduce[0];
    barrier();
    return result;
}

float number(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u ? LOWEST : clamp(x, LOWEST, -LOWEST); }

void keep_groups() {
    const uint SIZE = EXPERTS / GROUPS;
    for (uint g = gl_LocalInvocationID.x; g < GROUPS; g += LOCAL) {
        float best = LOWEST, second = LOWEST;
        for (uint e = g * SIZE; e < (g + 1u) * SIZE; ++e) {
            second = max(second, min(best, sh_choice[e]));
            best = max(best, sh_choice[e]);
        }
        sh_group[g] = GROUP_SCORE == 1u && SIZE > 1u ? number(best + second) : best;
    }
    barrier();
    for (uint e = gl_LocalInvocationID.x; e < EXPERTS; e += LOCAL) {
        uint mine = e / SIZE, before = 0u;
        for (uint g = 0u; g < GROUPS; ++g)
            before += uint(g < mine ? sh_group[g] >= sh_group[mine] : sh_group[g] > sh_group[mine]);
        if (before >= KEPT_GROUPS) sh_choice[e] = uintBitsToFloat(0xff800000u); // -inf: after every number
    }
    barrier();
}

// Places the k largest into sh_expert. The k-th largest of the lanes' own best is not above the k-th largest of all:
// only what reaches it is compared, usually few.
void choose() {
    uint lane = gl_LocalInvocationID.x;
    float best = uintBitsToFloat(0xff800000u);
    for (uint e = lane; e < EXPERTS; e += LOCAL) best = max(best, sh_choice[e]);
    sh_reduce[lane] = best;
    if (lane == 0u) sh_count = 0u;
    barrier();
    uint before = 0u;
    for (uint other = 0u; other < LOCAL; ++other)
        before += uint(other < lane ? sh_reduce[other] >= best : sh_reduce[other] > best);
    if (before == CHOICES - 1u) sh_floor = best;
    barrier();
    for (uint e = lane; e < EXPERTS; e += LOCAL)
        if (sh_choice[e] >= sh_floor) sh_candidate[atomicAdd(sh_count, 1u)] = e;
    barrier();
    for (uint i = lane; i < sh_count; i += LOCAL) { // the order of the candidates does not matter: a place is a count
        uint e = sh_candidate[i], place = 0u;
        for (uint j = 0u; j < sh_count; ++j) {
            uint other = sh_candidate[j];
            place += uint(other < e ? sh_choice[other] >= sh_choice[e] : sh_choice[other] > sh_choice[e]);
        }
        if (place < CHOICES) sh_expert[place] = e;
    }
    barrier();
}

void main() {
    uint lane = gl_LocalInvocationID.x, token = gl_WorkGroupID.y;
    if (token >= header[STEP_TOKENS]) {
        for (uint j = lane; j < CHOICES; j += LOCAL) experts[token * CHOICES + j] = 0xffffffffu;
        return;
    }
    float top = LOWEST, sum = 0.0;
    for (uint e = lane; e < EXPERTS; e += LOCAL) {
        float x = number(logits[token * push.logits_stride + push.logits_start + e]);
        sh_score[e] = x;
        top = max(top, x);
    }
    if (SCORE == 0u) {
        top = workgroup_reduce(top, true);
        for (uint e = lane; e < EXPERTS; e += LOCAL) sum += exp(sh_score[e] - top);
        sum = workgroup_reduce(sum, false);
    }
    for (uint e = lane; e < EXPERTS; e += LOCAL) {
        float x = sh_score[e];
        float score = SCORE == 0u ? exp(x - top) / sum : SCORE == 1u ? sigmoid(x) : SCORE == 3u ? sqrt(softplus(x)) : x;
        sh_choice[e] = (PARTS & 1u) != 0u                          ? number(score + bias[e])
                       : KEPT_GROUPS < GROUPS && GROUP_SCORE == 1u ? score
                                                                   : x;
        if (WEIGHT == 0u) sh_score[e] = score;
    }
    barrier();
    if (KEPT_GROUPS < GROUPS) keep_groups();
    choose();
    for (uint j = lane; j < CHOICES; j += LOCAL) {
        uint e = sh_expert[j];
        float weight = sh_score[e];
        if (WEIGHT == 1u) {
            float best = weight, total = 0.0;
            for (uint i = 0u; i < CHOICES; ++i) best = max(best, sh_score[sh_expert[i]]);
            for (uint i = 0u; i < CHOICES; ++i) total += exp(sh_score[sh_expert[i]] - best);
            weight = exp(weight - best) / total;
        } else if (WEIGHT == 2u) weight = sigmoid(weight);
        if ((PARTS & 2u) != 0u) {
            float total = 0.0;
            for (uint i = 0u; i < CHOICES; ++i)
                total += WEIGHT == 2u ? sigmoid(sh_score[sh_expert[i]]) : sh_score[sh_expert[i]];
            total += push.eps;
            weight = total != 0.0 ? weight / total : 0.0;
        }
        experts[token * CHOICES + j] = e;
        weights[token * CHOICES + j] = push.scale * weight;
    }
}
