// SPDX-License-Identifier: Apache-2.0
#include "media/sound_settings.hpp"

namespace weft::detail {
namespace {

constexpr uint32_t kMostRate = 768000, kMostBins = 4096, kMostFft = 1 << 16, kMostSeconds = 600, kMostFrames = 1 << 16;

// A count that is at most `most`.
Result<uint32_t> size_of(const JsonObject& c, const char* key, uint32_t otherwise, uint32_t most) {
    weft_ASSIGN(const uint32_t value, c.count_or(key, otherwise));
    if (value > most) return c.bad(key, "must be at most " + std::to_string(most));
    return value;
}

// What only one value of is known.
Status must_be(const JsonObject& c, const char* key, double value) {
    weft_ASSIGN(const double given, c.number_or(key, value));
    if (given == value) return Ok{};
    Error error = c.bad(key, "must be " + std::to_string(value) + ": weft knows no other");
    error.code = ErrorCode::unsupported;
    return error;
}

Status read_log_mel(const JsonObject& c, SoundSettings& s) {
    weft_ASSIGN(s.bins, size_of(c, "feature_size", s.bins, kMostBins));
    weft_ASSIGN(s.fft, size_of(c, "n_fft", s.fft, kMostFft));
    weft_ASSIGN(s.hop, size_of(c, "hop_length", s.hop, kMostFft));
    weft_ASSIGN(s.seconds, size_of(c, "chunk_length", s.seconds, kMostSeconds));
    weft_ASSIGN(s.normalize, c.boolean_or("do_normalize", false));
    if (s.normalize)
        return Error{ErrorCode::unsupported,
                     c.origin() + ": key 'do_normalize' is true; weft makes spectrograms of samples as they are",
                     {}};
    if (s.fft % 2) return c.bad("n_fft", "must be even");
    if (s.window_samples() <= s.fft || s.window_frames() == 0)
        return Error{ErrorCode::malformed,
                     c.origin() + ": chunk_length seconds must be longer than n_fft and hop_length samples",
                     {}};
    return must_be(c, "dither", 0);
}

Status read_fbank(const JsonObject& c, SoundSettings& s) {
    weft_ASSIGN(s.bins, size_of(c, "num_mel_bins", 128, kMostBins));
    weft_ASSIGN(s.frames, size_of(c, "max_length", s.frames, kMostFrames));
    if (s.shift_samples() == 0 || s.frame_samples() < 2) return c.bad("sampling_rate", "must be at least 100");
    weft_ASSIGN(const bool normalize, c.boolean_or("do_normalize", true));
    if (!normalize) return must_be(c, "feature_size", 1);
    weft_ASSIGN(s.mean, c.number_or("mean", -4.2677393));
    weft_ASSIGN(s.deviation, c.number_or("std", 4.5689974));
    if (s.deviation == 0) return c.bad("std", "must not be 0");
    return must_be(c, "feature_size", 1);
}

Status read_samples(const JsonObject& c, SoundSettings& s) {
    weft_ASSIGN(s.normalize, c.boolean_or("do_normalize", true));
    return must_be(c, "feature_size", 1);
}

} // namespace

Result<SoundSettings> read_sound_settings(const JsonObject& c) {
    constexpr struct {
        const char* type;
        SoundSettings::Kind kind;
        Status (*read)(const JsonObject&, SoundSettings&);
    } known[] = {{"WhisperFeatureExtractor", SoundSettings::Kind::log_mel, read_log_mel},
                 {"ASTFeatureExtractor", SoundSettings::Kind::fbank, read_fbank},
                 {"Wav2Vec2FeatureExtractor", SoundSettings::Kind::samples, read_samples}};
    weft_ASSIGN(const std::string type, c.string("feature_extractor_type"));
    for (const auto& k : known) {
        if (type != k.type) continue;
        SoundSettings s;
        s.kind = k.kind;
        weft_ASSIGN(s.rate, size_of(c, "sampling_rate", s.rate, kMostRate));
        weft_TRY(must_be(c, "padding_value", 0));
        weft_TRY(k.read(c, s));
        return s;
    }
    return Error{ErrorCode::unsupported,
                 c.origin() + ": key 'feature_extractor_type' is '" + type + "', which weft does not know",
                 {"it knows WhisperFeatureExtractor, ASTFeatureExtractor and Wav2Vec2FeatureExtractor"}};
}

} // namespace weft::detail
