// SPDX-License-Identifier: Apache-2.0
// L5: how sound becomes a model's input, as preprocessor_config.json says it.
#pragma once
#include "base/json.hpp"

namespace weft::detail {

struct SoundSettings {
    enum class Kind {
        log_mel, ///< Whisper's: windows of a fixed length
        fbank,   ///< Kaldi's, as AST and Audio Mamba take it: a fixed number of frames
        samples, ///< wav2vec2's: the samples themselves
    } kind = Kind::log_mel;
    uint32_t rate = 16000;            ///< samples a second
    uint32_t bins = 80;               ///< log_mel, fbank
    uint32_t fft = 400, hop = 160;    ///< log_mel: samples
    uint32_t seconds = 30;            ///< log_mel: of a window
    uint32_t frames = 1024;           ///< fbank: what is shorter is filled up, what is longer cut
    double mean = 0, deviation = 0.5; ///< fbank: what is taken off, and then half of what is divided by
    bool normalize = true;            ///< samples: to mean 0 and variance 1

    uint32_t window_samples() const { return seconds * rate; }        ///< log_mel
    uint32_t window_frames() const { return window_samples() / hop; } ///< log_mel
    /// fbank: a frame and from one to the next; 25 and 10 ms.
    uint32_t frame_samples() const { return rate / 40; }
    uint32_t shift_samples() const { return rate / 100; }
};

/// Fails (unsupported) where it asks for what weft does not do, by the key.
Result<SoundSettings> read_sound_settings(const JsonObject& config);

} // namespace weft::detail
