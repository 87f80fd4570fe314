// SPDX-License-Identifier: Apache-2.0
// L5: energies of frames of sound in bands that are equally wide on a mel scale.
#pragma once
#include <complex>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace weft::detail {

struct FilterbankSettings {
    uint32_t rate = 16000;
    uint32_t fft = 400; ///< points of the transform, even; a frame has at most as many samples
    uint32_t bins = 80;
    /// Slaney's scale is linear up to 1 kHz, and its triangles stand on hertz and have equal areas; Kaldi's is a
    /// logarithm, and its triangles, all 1 high, stand on mels.
    enum class Scale { slaney, kaldi } scale = Scale::slaney;
    double lowest = 0, highest = 8000; ///< hertz: where the first triangle begins and the last one ends
};

/// Computed in double precision. One thread at a time.
class Filterbank {
public:
    explicit Filterbank(const FilterbankSettings& settings);
    ~Filterbank();

    /// `frame`: settings.fft samples, windowed already. The result: settings.bins sums of power, until the next call.
    std::span<const double> energies(std::span<const double> frame);

private:
    struct Triangle {
        size_t first = 0; ///< bin of the transform that the first weight is for
        std::vector<double> weights;
    };
    struct Transform; // of the library
    std::unique_ptr<Transform> transform_;
    std::vector<Triangle> triangles_;
    std::vector<std::complex<double>> spectrum_;
    std::vector<double> power_, energies_;
};

/// A Hann window of `size` points: the first `size` of `period` + 1 that would return to zero.
std::vector<double> hann_window(uint32_t size, uint32_t period);

} // namespace weft::detail
