// SPDX-License-Identifier: Apache-2.0
#include "media/resample_sound.hpp"
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace weft::detail {
namespace {

constexpr double kZeros = 6, kRolloff = 0.99; // on either side; of the lower rate's band

// `zeros` from the middle.
double windowed_sinc(double zeros) {
    if (std::abs(zeros) >= kZeros) return 0;
    if (zeros == 0) return 1;
    const double window = std::cos(zeros * std::numbers::pi / (2 * kZeros)), x = zeros * std::numbers::pi;
    return window * window * std::sin(x) / x;
}

} // namespace

SoundResampler::SoundResampler(uint32_t from, uint32_t to)
    : from_(from / std::gcd(from, to)), to_(to / std::gcd(from, to)) {
    const double band = std::min(from_, to_) * kRolloff / from_; // zeros from one old sample to the next
    const auto half = size_t(std::ceil(kZeros / band));
    taps_ = 2 * half;
    filters_.resize(to_ * taps_);
    for (uint32_t phase = 0; phase < to_; ++phase)
        for (size_t tap = 0; tap < taps_; ++tap)
            filters_[phase * taps_ + tap] =
                band * windowed_sinc((double(tap) - double(half - 1) - double(phase) / to_) * band);
    held_.resize(half - 1);
}

uint64_t SoundResampler::length(uint64_t samples) const {
    return samples / from_ * to_ + (samples % from_ * to_ + from_ - 1) / from_;
}

void SoundResampler::add(std::span<const float> samples) {
    const size_t done = std::min(at_, held_.size());
    held_.erase(held_.begin(), held_.begin() + std::ptrdiff_t(done));
    at_ -= done;
    held_.insert(held_.end(), samples.begin(), samples.end());
    added_ += samples.size();
}

void SoundResampler::end() {
    held_.resize(held_.size() + taps_ / 2);
    ended_ = true;
}

size_t SoundResampler::take(std::span<float> samples) {
    size_t count = 0;
    for (; count < samples.size() && at_ + taps_ <= held_.size(); ++count) {
        if (ended_ && made_ == length(added_)) break;
        const double* filter = &filters_[phase_ * taps_];
        double sum = 0;
        for (size_t tap = 0; tap < taps_; ++tap) sum += filter[tap] * double(held_[at_ + tap]);
        samples[count] = float(sum);
        ++made_;
        phase_ += from_;
        at_ += phase_ / to_;
        phase_ %= to_;
    }
    return count;
}

} // namespace weft::detail
