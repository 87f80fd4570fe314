// SPDX-License-Identifier: Apache-2.0
#include "media/sound_features.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail {
namespace {

constexpr double kHighestMel = 8000;      // hertz
constexpr double kLeastMelEnergy = 1e-10; // of an energy
constexpr float kMelRange = 8;            // of log10

FilterbankSettings bank_of(const SoundSettings& s) {
    return {.rate = s.rate,
            .fft = s.fft,
            .bins = s.bins,
            .scale = FilterbankSettings::Scale::slaney,
            .lowest = 0,
            .highest = kHighestMel};
}

} // namespace

LogMel::LogMel(const SoundSettings& settings)
    : settings_(settings), bank_(bank_of(settings)), window_(hann_window(settings.fft, settings.fft)),
      frame_(settings.fft) {}

std::vector<float> LogMel::frames(std::span<const float> sound, size_t first, size_t count) {
    std::vector<float> all;
    all.reserve(count * settings_.bins);
    const auto last = long(sound.size()) - 1;
    for (size_t f = 0; f < count; ++f) {
        const long begin = long(first + f * settings_.hop) - long(reach());
        for (size_t i = 0; i < frame_.size(); ++i) {
            long at = std::abs(begin + long(i));
            if (at > last) at = std::max(2 * last - at, 0L);
            frame_[i] = window_[i] * double(sound[size_t(at)]);
        }
        for (const double energy : bank_.energies(frame_))
            all.push_back(float(std::log10(std::max(energy, kLeastMelEnergy))));
    }
    return all;
}

std::vector<float> log_mel_input(std::span<const float> frames, uint32_t bins, float loudest) {
    const size_t count = frames.size() / bins;
    std::vector<float> input(frames.size());
    for (size_t f = 0; f < count; ++f)
        for (size_t b = 0; b < bins; ++b)
            input[b * count + f] = (std::max(frames[f * bins + b], loudest - kMelRange) + 4) / 4;
    return input;
}

} // namespace weft::detail
