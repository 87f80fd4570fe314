// SPDX-License-Identifier: Apache-2.0
#include "base/threads.hpp"
#include "media/sound_features.hpp"
#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>

namespace weft::detail {
namespace {

constexpr double kHighestMel = 8000;      // hertz
constexpr double kLeastMelEnergy = 1e-10; // of an energy
constexpr size_t kJobFrames = 64;         // that a thread makes at once
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

LogMel::LogMel(const SoundSettings& settings) : settings_(settings), window_(hann_window(settings.fft, settings.fft)) {}

std::vector<float> LogMel::frames(std::span<const float> sound, size_t first, size_t count) const {
    std::vector<float> all(count * settings_.bins);
    const auto last = long(sound.size()) - 1;
    std::atomic<size_t> next = 0;
    std::mutex lock;
    std::exception_ptr failed; // what a thread of its own must not throw
    const auto work = [&] {
        try {
            Filterbank bank(bank_of(settings_));
            std::vector<double> frame(settings_.fft);
            for (size_t begin; (begin = next.fetch_add(kJobFrames)) < count;)
                for (size_t f = begin; f < std::min(begin + kJobFrames, count); ++f) {
                    const long from = long(first + f * settings_.hop) - long(reach());
                    for (size_t i = 0; i < frame.size(); ++i) {
                        long at = std::abs(from + long(i));
                        if (at > last) at = std::max(2 * last - at, 0L);
                        frame[i] = window_[i] * double(sound[size_t(at)]);
                    }
                    float* to = &all[f * settings_.bins];
                    for (const double energy : bank.energies(frame))
                        *to++ = float(std::log10(std::max(energy, kLeastMelEnergy)));
                }
        } catch (...) {
            const std::lock_guard held(lock);
            failed = std::current_exception();
        }
    };
    run_on_threads(std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), count / kJobFrames + 1), work);
    if (failed) std::rethrow_exception(failed);
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
