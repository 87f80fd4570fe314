// SPDX-License-Identifier: Apache-2.0
// L6: the tokens of Whisper that are no text, and what they mean: which may follow, and when what was said was said.
#pragma once
#include "io/model_files.hpp"
#include <map>
#include <weft/tokenizer.hpp>

namespace weft::detail {

struct WhisperRules {
    static constexpr uint32_t kNone = ~0u;
    uint32_t start = 0, end = 0;    ///< every prompt has `start`, a transcript stops at `end`
    uint32_t previous = kNone;      ///< opens what was said before, in front of `start`
    uint32_t no_timestamps = kNone; ///< ends a prompt for text without times; the token behind it is time 0
    uint32_t transcribe = kNone, translate = kNone;
    std::map<std::string, uint32_t> languages; ///< by code: "en"
    std::vector<uint32_t> suppressed, suppressed_first;
    uint32_t latest_first = kNone; ///< the first time is at most so many steps behind 0; kNone: any

    bool has_times() const { return no_timestamps != kNone; }
    uint32_t time_zero() const { return no_timestamps + 1; } ///< of has_times()
    bool is_time(uint32_t id) const { return has_times() && id >= time_zero(); }
    /// Of a model that knows them: the token whose probability behind `start` is that of silence.
    uint32_t no_speech() const { return has_times() && no_timestamps > 0 ? no_timestamps - 1 : kNone; }

    /// Takes off `logits` what may not follow `made`, the tokens behind the prompt: they become -inf. With `times`, a
    /// transcript begins with a time, times come in pairs that do not decrease, and where they are together likelier
    /// than any text, one of them follows.
    void apply(std::span<float> logits, std::span<const uint32_t> made, bool times) const;
};

/// Reads generation_config.json, config.json and, for what older ones do not name, the tokenizer. Fails (malformed) by
/// the key where an id is not below `vocabulary`.
Result<WhisperRules> read_whisper_rules(const ModelFiles& files, const Tokenizer& tokenizer, uint32_t vocabulary);

/// What one window's tokens say.
struct Segments {
    struct One {
        size_t first = 0, last = 0;  ///< its tokens: [first, last)
        uint32_t begin = 0, end = 0; ///< in steps of a timestamp from the window's beginning
    };
    std::vector<One> all;
    uint32_t advance = 0; ///< steps to where the next window begins
};

/// Between two times side by side one segment ends and the next begins. Where the window does not end in silence, which
/// a lone time at the end means, what begins with the last pair is cut, and heard again in the next one. `window`:
/// steps of what the window has of the sound.
Segments cut_segments(const WhisperRules& rules, std::span<const uint32_t> tokens, uint32_t window);

/// The logarithm of the sum of exponentials; -inf of nothing.
double log_sum(std::span<const float> logits);

/// How often a text says the same: its bytes over those that zlib makes of them.
double compression_ratio(const std::string& text);

} // namespace weft::detail
