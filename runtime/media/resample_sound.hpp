// SPDX-License-Identifier: Apache-2.0
// L5: sound at another rate, as torchaudio resamples it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::detail {

/// Band-limited interpolation: y[n] = sum over m of x[m] h(m / from - n / to), where h is a sinc that ends at 0.99 of
/// the lower rate's band, under a Hann window of its six zeros on either side; torchaudio.functional.resample by
/// default, which models of speech are trained with. Zeros lie before and behind the sound. Sums are in double
/// precision and in one order, so that the pieces in which a sound comes change no bit. What it holds does not grow
/// with the sound: a filter for each of the new samples after which the two rates meet again.
class SoundResampler {
public:
    /// Rates are at least 1.
    SoundResampler(uint32_t from, uint32_t to);
    /// Samples of the new rate that a sound of so many has.
    uint64_t length(uint64_t samples) const;
    /// The sound goes on with these.
    void add(std::span<const float> samples);
    /// The sound ends here. Nothing is added behind it.
    void end();
    /// Fills `samples` from its front with the next that follow from what was added, and gives how many these were.
    size_t take(std::span<float> samples);

private:
    uint32_t from_, to_;            // without their common divisor
    size_t taps_;                   // of a filter: half of them up to a new sample's place, half behind it
    std::vector<double> filters_;   // [to_, taps_]
    std::vector<float> held_;       // what the next new sample is made of, and what was added behind it
    size_t at_ = 0;                 // in it: where that sample's filter begins
    uint64_t phase_ = 0;            // its place between two old samples, in parts of to_
    uint64_t added_ = 0, made_ = 0; // samples
    bool ended_ = false;
};

} // namespace weft::detail
