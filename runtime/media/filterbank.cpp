// SPDX-License-Identifier: Apache-2.0
#include "media/filterbank.hpp"
#include <algorithm>
#include <cmath>
#include <kissfft.hh>
#include <numbers>

namespace weft::detail {
namespace {

constexpr double kBend = 1000; // hertz, where Slaney's scale stops being linear
const double kBendMels = 15, kLogStep = std::log(6.4) / 27;

double mels_of(double hertz, FilterbankSettings::Scale scale) {
    if (scale == FilterbankSettings::Scale::kaldi) return 1127 * std::log(1 + hertz / 700);
    return hertz < kBend ? hertz * 3 / 200 : kBendMels + std::log(hertz / kBend) / kLogStep;
}

double hertz_of(double mels, FilterbankSettings::Scale scale) {
    if (scale == FilterbankSettings::Scale::kaldi) return 700 * (std::exp(mels / 1127) - 1);
    return mels < kBendMels ? mels * 200 / 3 : kBend * std::exp((mels - kBendMels) * kLogStep);
}

} // namespace

struct Filterbank::Transform : kissfft<double> {
    using kissfft::kissfft;
};

Filterbank::Filterbank(const FilterbankSettings& s)
    : transform_(std::make_unique<Transform>(s.fft / 2, false)), triangles_(s.bins), spectrum_(s.fft / 2),
      power_(s.fft / 2 + 1), energies_(s.bins) {
    const bool slaney = s.scale == FilterbankSettings::Scale::slaney;
    const double low = mels_of(s.lowest, s.scale), high = mels_of(s.highest, s.scale);
    // Corners of the triangles and bins of the transform, on the axis that the triangles are straight over.
    const auto corner = [&](size_t i) {
        const double mels = low + (high - low) * double(i) / (s.bins + 1);
        return slaney ? hertz_of(mels, s.scale) : mels;
    };
    const auto place = [&](size_t bin) {
        const double hertz = double(s.rate) * double(bin) / s.fft;
        return slaney ? hertz : mels_of(hertz, s.scale);
    };
    for (size_t i = 0; i < s.bins; ++i) {
        const double left = corner(i), top = corner(i + 1), right = corner(i + 2);
        const double height = slaney ? 2 / (right - left) : 1;
        for (size_t bin = 0; bin < power_.size(); ++bin) {
            const double at = place(bin);
            const double weight = height * std::min((at - left) / (top - left), (right - at) / (right - top));
            if (weight <= 0) continue;
            if (triangles_[i].weights.empty()) triangles_[i].first = bin;
            triangles_[i].weights.push_back(weight);
        }
    }
}

Filterbank::~Filterbank() = default;

std::span<const double> Filterbank::energies(std::span<const double> frame) {
    transform_->transform_real(frame.data(), spectrum_.data());
    // The library puts the last bin, which is real as the first is, where the first one's imaginary part would be.
    power_.front() = spectrum_[0].real() * spectrum_[0].real();
    power_.back() = spectrum_[0].imag() * spectrum_[0].imag();
    for (size_t i = 1; i < spectrum_.size(); ++i) power_[i] = std::norm(spectrum_[i]);
    for (size_t i = 0; i < triangles_.size(); ++i) {
        double sum = 0;
        for (size_t k = 0; k < triangles_[i].weights.size(); ++k)
            sum += triangles_[i].weights[k] * power_[triangles_[i].first + k];
        energies_[i] = sum;
    }
    return energies_;
}

std::vector<double> hann_window(uint32_t size, uint32_t period) {
    std::vector<double> window(size);
    for (uint32_t i = 0; i < size; ++i) window[i] = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * i / period);
    return window;
}

} // namespace weft::detail
