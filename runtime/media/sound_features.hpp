// SPDX-License-Identifier: Apache-2.0
// L5: what models hear of sound: spectrograms and normalised samples.
#pragma once
#include "media/filterbank.hpp"
#include "media/sound_settings.hpp"

namespace weft::detail {

/// Whisper's spectrogram (Radford et al. 2022) before its range is cut, so that windows of a longer sound can be cut at
/// the same loudness. Immutable.
class LogMel {
public:
    explicit LogMel(const SoundSettings& settings);

    /// log10 of the energies of `count` frames, f32 [count, bins]. The first is centred at sound[first], and the others
    /// follow every settings.hop samples; beyond its ends, `sound` is mirrored. On as many threads as there are.
    std::vector<float> frames(std::span<const float> sound, size_t first, size_t count) const;
    /// Samples before and behind its centre that a frame sees.
    size_t reach() const { return settings_.fft / 2; }

private:
    SoundSettings settings_;
    std::vector<double> window_;
};

/// What the model takes of frames [count, bins]: f32 [bins, count]. Nothing is further below `loudest`, of the whole
/// sound, than 8, which are 80 dB.
std::vector<float> log_mel_input(std::span<const float> frames, uint32_t bins, float loudest);

/// Kaldi's filter bank, normalised: f32 [settings.frames, settings.bins], with zeros before that where frames lack.
/// Reads no more of `sound` than these frames see. Fails (invalid_argument) where that is less than one frame.
Result<std::vector<float>> fbank_input(std::span<const float> sound, const SoundSettings& settings);

/// To mean 0 and variance 1, in place.
void normalize_samples(std::span<float> sound);

} // namespace weft::detail
