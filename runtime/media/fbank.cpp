// SPDX-License-Identifier: Apache-2.0
#include "media/sound_features.hpp"
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

namespace weft::detail {
namespace {

constexpr double kLowestBank = 20; // hertz
constexpr double kEmphasis = 0.97;
constexpr double kLeastBankEnergy = std::numeric_limits<float>::epsilon(); // of an energy
constexpr double kLeastVariance = 1e-7;

} // namespace

Result<std::vector<float>> fbank_input(std::span<const float> sound, const SoundSettings& s) {
    const size_t size = s.frame_samples(), shift = s.shift_samples();
    if (sound.size() < size)
        return Error{ErrorCode::invalid_argument,
                     "the sound has " + std::to_string(sound.size()) + " samples; a frame of the spectrogram needs " +
                         std::to_string(size) + " (25 ms)",
                     {}};
    const auto fft = std::bit_ceil(uint32_t(size));
    Filterbank bank({.rate = s.rate,
                     .fft = fft,
                     .bins = s.bins,
                     .scale = FilterbankSettings::Scale::kaldi,
                     .lowest = kLowestBank,
                     .highest = s.rate / 2.0});
    const auto window = hann_window(uint32_t(size), uint32_t(size) - 1);
    const auto scaled = [&](double x) { return float((x - s.mean) / (2 * s.deviation)); };
    std::vector<float> input(size_t(s.frames) * s.bins, scaled(0));
    std::vector<double> frame(fft);
    const size_t count = std::min<size_t>(s.frames, (sound.size() - size) / shift + 1);
    for (size_t f = 0; f < count; ++f) {
        const auto part = sound.subspan(f * shift, size);
        const double mean = std::accumulate(part.begin(), part.end(), 0.0) / double(size);
        for (size_t i = 0; i < size; ++i) {
            const double before = double(part[i ? i - 1 : 0]) - mean;
            frame[i] = window[i] * (double(part[i]) - mean - kEmphasis * before);
        }
        const auto energies = bank.energies(frame);
        for (size_t b = 0; b < s.bins; ++b)
            input[f * s.bins + b] = scaled(double(float(std::log(std::max(energies[b], kLeastBankEnergy)))));
    }
    return input;
}

void normalize_samples(std::span<float> sound) {
    if (sound.empty()) return;
    const double mean = std::accumulate(sound.begin(), sound.end(), 0.0) / double(sound.size());
    double squares = 0;
    for (const float x : sound) squares += (double(x) - mean) * (double(x) - mean);
    const double scale = 1 / std::sqrt(squares / double(sound.size()) + kLeastVariance);
    for (float& x : sound) x = float((double(x) - mean) * scale);
}

} // namespace weft::detail
