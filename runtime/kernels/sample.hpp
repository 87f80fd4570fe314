// SPDX-License-Identifier: Apache-2.0
// L2: the next token of every sequence, chosen on the device, and the step block of the decode step that follows.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// Host mirror of one sequence's sampler parameters. Applied in transformers' order: repeat penalty, frequency and
/// presence, n-grams, temperature, top-k, top-p, min-p.
struct SamplerRow {
    static constexpr uint32_t kGreedy = 1;  ///< flag: the largest logit (after the penalties), ties to the lowest id
    static constexpr uint32_t kAllowed = 2; ///< flag: only tokens whose bit is set in SampleArgs::allowed
    static constexpr uint32_t kStops = 4;   ///< flag: the sequence ends with an end token of advance()
    float temperature = 1.0f;               ///< below 1e-5: greedy
    uint32_t top_k = 0;                     ///< 0: off. Tokens that tie with the k-th stay
    /// >= 1: off. The fewest most likely tokens whose probabilities reach top_p; tokens that tie with the last stay.
    float top_p = 1.0f;
    float min_p = 0.0f; ///< 0: off. Tokens at least min_p as likely as the likeliest
    /// Once for each distinct token of the window: logit < 0 ? logit * penalty : logit / penalty.
    float repeat_penalty = 1.0f;
    uint32_t repeat_window = 0; ///< how many of the last tokens the penalties look at; 0: all that the history holds
    uint32_t seed_low = 0, seed_high = 0;
    uint32_t flags = kGreedy;
    uint32_t stream = 0;            ///< tells apart samples of one seed
    float frequency_penalty = 0.0f; ///< times the occurrences in the window, subtracted
    float presence_penalty = 0.0f;  ///< subtracted once
    uint32_t no_repeat_ngram = 0;   ///< n > 0: no token that would end an n-gram which the history already holds
    uint32_t spare[3] = {};
};
static_assert(sizeof(SamplerRow) == 64);

/// In place of a token's id where none can be chosen.
inline constexpr uint32_t kNoToken = ~0u;

/// Chooses a token for each output o of the step: of the sequence that token outputs[o] belongs to, at position
/// positions[outputs[o]] + 1. The same seed, stream and position give the same token (Philox 4x32-10, Gumbel-max).
/// A logit of -inf is never chosen. Where one is NaN or +inf, or none is left, the token is kNoToken.
struct SampleArgs {
    Step step;      ///< ids[o] receives the token, if feed
    Tensor logits;  ///< f32 [O, V]; may be a column slice (a padded head)
    Tensor sampler; ///< u32 [slots, 16]: SamplerRow by slot
    /// u32 [slots, capacity]: token of position p at p % capacity (remember() writes the prompt);
    /// receives the token. Absent: no penalties.
    Tensor history;
    Tensor ring; ///< u32 [rows, O]: row header[STEP_RING] % rows receives the tokens; absent: not written
    /// u32 [slots, ceil(V / 32)]: bit v % 32 of word v / 32; read by rows flagged kAllowed; absent: all.
    Tensor allowed;
    /// f32 [O, V]: what was sampled from (greedy: 1 for the token); for tests; absent: not written.
    Tensor probabilities;
    bool feed = true;
};
void sample(Recorder& r, const SampleArgs& a);
/// Words of scratch that sample() takes for an output.
uint64_t sample_scratch(uint32_t vocabulary);

/// history[slot, position % capacity] = id, for every new token of the step: prompts must pass
/// here before sample() looks at them.
void remember(Recorder& r, const Step& step, const Tensor& history);

/// Turns the step block into that of the next decode step: every sequence has seen its new tokens and gets one more,
/// ids[s] (written by sample()). The step must have one output a sequence, in the order of the sequences. Ring row + 1.
/// A sequence whose sampler row has kStops and whose new token is one of `ends` u32 [E] leaves the step: its states
/// stay as they were before that token, and the next steps do nothing for it. Both absent: there are no end tokens. A
/// sequence whose new token is kNoToken leaves in any case.
void advance(Recorder& r, const Step& step, const Tensor& sampler = {}, const Tensor& ends = {});

} // namespace weft::detail::kernel
