// SPDX-License-Identifier: Apache-2.0
// L6: speech to text in windows, as Whisper's authors do it (Radford et al. 2022, section 4.5).
#pragma once
#include "base/random.hpp"
#include "media/sound.hpp"
#include "media/sound_features.hpp"
#include "pipelines/whisper_rules.hpp"
#include <weft/hear.hpp>

namespace weft::detail {

/// A model that writes what it listens to.
class SpeechModel {
public:
    virtual ~SpeechModel() = default;
    /// Listens to a window, f32 [bins, frames], and forgets the one before.
    virtual Status listen(std::span<const float> window) = 0;
    /// Forgets its text, not the window.
    virtual Status begin() = 0;
    /// Goes on with tokens; logits of what may follow the last of them.
    virtual Result<std::vector<float>> next(std::span<const uint32_t> ids) = 0;
    /// Makes text `to` what text `from` is; the one that begin() and next() are about is 0.
    virtual Status copy(uint32_t from, uint32_t to) = 0;
    /// Goes on with one token for each of several texts; logits [texts, vocabulary].
    virtual Result<std::vector<float>> next_of(std::span<const uint32_t> texts, std::span<const uint32_t> ids) = 0;
};

inline constexpr uint32_t kMostBeams = 64;

struct Speaker {
    SpeechModel& model;
    const Tokenizer& tokenizer;
    const WhisperRules& rules;
    SoundSettings sound;
    uint32_t context = 0; ///< most tokens that the model has, with the prompt
    uint32_t steps = 0;   ///< times that a window has
};

/// Fails (invalid_argument, unsupported) where the model lacks what `options` ask for.
Status check_options(const WhisperRules& rules, const HearOptions& options);

/// Hears all of `sound`. `loudest`: the largest log10 of an energy in it, where it is known (LogMel), else what is
/// louder than all before counts from there on. `total`: samples, 0 where nobody knows.
Result<Heard> transcribe(const Speaker& speaker, SoundReader& sound, float loudest, uint64_t total,
                         const HearOptions& options, const SegmentFunction& take);

/// The largest log10 of an energy in a sound; what the model takes of a window depends on it.
Result<float> loudest_in(SoundReader& sound, const SoundSettings& settings);

} // namespace weft::detail
