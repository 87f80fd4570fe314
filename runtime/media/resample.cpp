// SPDX-License-Identifier: Apache-2.0
#include "media/resample.hpp"
#include <algorithm>
#include <cmath>
#include <numbers>

namespace weft::detail {
namespace {

constexpr size_t kChannels = 3;

double sinc(double x) { return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }

// A filter's weight at `x`, and where it ends.
double weight_at(Filter filter, double x) {
    const double far = std::abs(x);
    switch (filter) {
    case Filter::box: return x > -0.5 && x <= 0.5 ? 1 : 0;
    case Filter::bilinear: return far < 1 ? 1 - far : 0;
    case Filter::hamming: return far < 1 ? sinc(x) * (0.54 + 0.46 * std::cos(x * std::numbers::pi)) : 0;
    case Filter::bicubic: {
        constexpr double a = -0.5;
        if (far < 1) return ((a + 2) * far - (a + 3)) * far * far + 1;
        return far < 2 ? (((far - 5) * far + 8) * far - 4) * a : 0;
    }
    case Filter::lanczos: return far < 3 ? sinc(x) * sinc(x / 3) : 0;
    case Filter::nearest: break;
    }
    return 0;
}
double support_of(Filter filter) {
    switch (filter) {
    case Filter::box: return 0.5;
    case Filter::bicubic: return 2;
    case Filter::lanczos: return 3;
    default: return 1;
    }
}

// What of a line each value of another line is made of.
struct Taps {
    struct Window {
        uint32_t first = 0, count = 0;
        size_t weights = 0; // where its weights begin
    };
    std::vector<Window> windows;
    std::vector<int32_t> weights;
    int bits = 0; // behind the point of weights
};

Taps taps_of(uint32_t from, uint32_t to, Filter filter, Rounding rounding) {
    const double scale = double(from) / to, wide = std::max(scale, 1.0), support = support_of(filter) * wide;
    Taps taps;
    std::vector<double> all;
    for (uint32_t i = 0; i < to; ++i) {
        const double centre = (i + 0.5) * scale;
        const auto first = uint32_t(std::max(0.0, centre - support + 0.5)),
                   end = std::min(from, uint32_t(centre + support + 0.5));
        taps.windows.push_back({first, end - first, all.size()});
        double sum = 0;
        for (uint32_t x = first; x < end; ++x) {
            all.push_back(weight_at(filter, (x - centre + 0.5) * (1 / wide)));
            sum += all.back();
        }
        for (size_t k = taps.windows.back().weights; k < all.size(); ++k)
            if (sum != 0) all[k] /= sum;
    }
    taps.bits = 22;
    if (rounding == Rounding::torchvision) {
        const double largest = *std::ranges::max_element(all);
        for (taps.bits = 0; taps.bits < 22; ++taps.bits)
            if (int(0.5 + largest * (1 << (taps.bits + 1))) >= 1 << 15) break;
    }
    for (const double w : all) taps.weights.push_back(int32_t((w < 0 ? -0.5 : 0.5) + w * (1 << taps.bits)));
    return taps;
}

uint8_t byte_of(int32_t sum, int bits) { return uint8_t(std::clamp(sum >> bits, 0, 255)); }

// The place in a line that stands for each of another, added up as Pillow does.
std::vector<uint32_t> nearest(uint32_t from, uint32_t to) {
    const double scale = double(from) / to;
    std::vector<uint32_t> all;
    double at = scale * 0.5;
    for (uint32_t i = 0; i < to; ++i) {
        all.push_back(std::min(uint32_t(at), from - 1));
        at += scale;
    }
    return all;
}

Picture chosen(const Picture& p, uint32_t height, uint32_t width) {
    Picture all{p.name, height, width, {}};
    all.pixels.reserve(size_t(height) * width * kChannels);
    const auto rows = nearest(p.height, height), columns = nearest(p.width, width);
    for (const size_t y : rows)
        for (const size_t x : columns) {
            const uint8_t* const from = &p.pixels[(y * p.width + x) * kChannels];
            all.pixels.insert(all.pixels.end(), from, from + kChannels);
        }
    return all;
}

Picture across(const Picture& p, uint32_t width, Filter filter, Rounding rounding) {
    Picture all{p.name, p.height, width, {}};
    all.pixels.resize(size_t(all.height) * width * kChannels);
    const Taps taps = taps_of(p.width, width, filter, rounding);
    uint8_t* to = all.pixels.data();
    for (size_t y = 0; y < p.height; ++y)
        for (const Taps::Window& w : taps.windows) {
            const uint8_t* from = &p.pixels[(y * p.width + w.first) * kChannels];
            int32_t sums[kChannels];
            std::ranges::fill(sums, 1 << (taps.bits - 1));
            for (uint32_t k = 0; k < w.count; ++k)
                for (int32_t& sum : sums) sum += taps.weights[w.weights + k] * *from++;
            for (const int32_t sum : sums) *to++ = byte_of(sum, taps.bits);
        }
    return all;
}

Picture down(const Picture& p, uint32_t height, Filter filter, Rounding rounding) {
    Picture all{p.name, height, p.width, {}};
    const size_t row = size_t(p.width) * kChannels;
    all.pixels.resize(height * row);
    const Taps taps = taps_of(p.height, height, filter, rounding);
    uint8_t* to = all.pixels.data();
    std::vector<int32_t> sums(row);
    for (const Taps::Window& w : taps.windows) {
        std::ranges::fill(sums, 1 << (taps.bits - 1));
        for (uint32_t k = 0; k < w.count; ++k) {
            const int32_t weight = taps.weights[w.weights + k];
            const uint8_t* const from = &p.pixels[(w.first + k) * row];
            for (size_t i = 0; i < row; ++i) sums[i] += weight * from[i];
        }
        for (const int32_t sum : sums) *to++ = byte_of(sum, taps.bits);
    }
    return all;
}

} // namespace

Picture resized(const Picture& picture, uint32_t height, uint32_t width, Filter filter, Rounding rounding) {
    if (filter == Filter::nearest) return chosen(picture, height, width);
    const auto wide = [&](const Picture& p) { return across(p, width, filter, rounding); };
    const auto high = [&](const Picture& p) { return down(p, height, filter, rounding); };
    if (width == picture.width) return height == picture.height ? picture : high(picture);
    if (height == picture.height) return wide(picture);
    // Which comes first shows in the rounding between them. Pillow (13) begins with the columns where more than twice
    // as many rows go as columns do; torchvision never does.
    const bool columns_first = rounding == Rounding::pillow && height < picture.height &&
                               int64_t(picture.height) - height > 2 * (int64_t(picture.width) - width);
    return columns_first ? wide(high(picture)) : high(wide(picture));
}

} // namespace weft::detail
