// SPDX-License-Identifier: Apache-2.0
// L5: a number a patch, drawn over the picture.
#include "base/result.hpp"
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <weft/picture.hpp>

namespace weft::detail {
namespace {

constexpr uint32_t kLeastSide = 384; // of the longer one
constexpr size_t kColours = 256;

using Colour = std::array<double, 3>; // red, green and blue as displays take them, 0 to 255

// A colour of OKLab (Ottosson 2020) of the sRGB ones nearest in each channel.
Colour of_oklab(double lightness, double a, double b) {
    const auto cube = [](double x) { return x * x * x; };
    const double l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b),
                 m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b),
                 s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
    const auto channel = [](double linear) {
        linear = std::clamp(linear, 0.0, 1.0);
        return 255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1 / 2.4) - 0.055);
    };
    return {channel(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
            channel(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
            channel(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

// From a dark violet over blue and green to a bright yellow: lightness alone tells them apart, and blue from yellow
// where red and green are one.
std::array<Colour, kColours> colours() {
    std::array<Colour, kColours> all;
    for (size_t i = 0; i < kColours; ++i) {
        const double at = double(i) / (kColours - 1), hue = (305 - 200 * at) * std::numbers::pi / 180,
                     chroma = 0.12 + 0.05 * at;
        all[i] = of_oklab(0.28 + 0.64 * at, chroma * std::cos(hue), chroma * std::sin(hue));
    }
    return all;
}

// The number at a place between patches, counted in patches from the middle of the first; at the edges theirs.
double between(const PictureMap& map, double down, double across) {
    const auto split = [](double at, uint32_t count) {
        at = std::clamp(at, 0.0, double(count - 1));
        const auto first = uint32_t(at);
        return std::tuple(first, std::min(first + 1, count - 1), at - first);
    };
    const auto [top, bottom, y] = split(down, map.down);
    const auto [left, right, x] = split(across, map.across);
    const auto value = [&](uint32_t row, uint32_t column) {
        return double(map.values[size_t(row) * map.across + column]);
    };
    return (1 - y) * ((1 - x) * value(top, left) + x * value(top, right)) +
           y * ((1 - x) * value(bottom, left) + x * value(bottom, right));
}

} // namespace
} // namespace weft::detail

namespace weft {
using namespace detail;

Result<Picture> PictureMap::over(const Picture& picture) const try {
    if (values.empty() || values.size() != uint64_t(down) * across || !(step_down > 0) || !(step_across > 0) ||
        !std::ranges::all_of(values, [](float x) { return std::isfinite(x); }))
        return Error{ErrorCode::invalid_argument, "a map must have down x across finite numbers, and some", {}};
    if (picture.pixels.empty() || picture.pixels.size() != uint64_t(picture.height) * picture.width * 3)
        return Error{ErrorCode::invalid_argument, "a picture must have height x width x 3 bytes, and some", {}};
    const uint32_t longer = std::max(picture.height, picture.width), square = (kLeastSide + longer - 1) / longer;
    Picture drawn{picture.name, picture.height * square, picture.width * square, {}};
    drawn.pixels.reserve(size_t(drawn.height) * drawn.width * 3);
    const auto [least, most] = std::ranges::minmax(values);
    const double range = most > least ? double(most) - double(least) : 1;
    const auto ramp = colours();
    constexpr double kDim = 0.7, kLeastShare = 0.35, kMostShare = 0.75; // of the picture; of colours in what they cover
    for (uint32_t row = 0; row < drawn.height; ++row)
        for (uint32_t column = 0; column < drawn.width; ++column) {
            const uint8_t* from = &picture.pixels[(size_t(row / square) * picture.width + column / square) * 3];
            const double grey = kDim * (0.299 * from[0] + 0.587 * from[1] + 0.114 * from[2]);
            const double y = (row + 0.5) / square, x = (column + 0.5) / square;
            Colour mixed = {grey, grey, grey};
            if (y >= shown_top && y < shown_bottom && x >= shown_left && x < shown_right) {
                const double value = (between(*this, (y - top) / step_down, (x - left) / step_across) - least) / range,
                             share = kLeastShare + (kMostShare - kLeastShare) * value;
                const Colour& colour = ramp[size_t(std::lround(value * (kColours - 1)))];
                for (size_t c = 0; c < 3; ++c) mixed[c] = (1 - share) * grey + share * colour[c];
            }
            for (const double c : mixed) drawn.pixels.push_back(uint8_t(std::lround(c)));
        }
    return drawn;
}
weft_CATCH

} // namespace weft
