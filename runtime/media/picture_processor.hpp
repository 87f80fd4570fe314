// SPDX-License-Identifier: Apache-2.0
// L5: what a model's files say of how pictures are prepared for it, and the preparing.
#pragma once
#include "base/json.hpp"
#include "media/resample.hpp"
#include <array>

namespace weft::detail {

struct Extent {
    uint32_t height = 0, width = 0;
    bool operator==(const Extent&) const = default;
};

/// preprocessor_config.json, with what the class that it names takes where it says nothing.
struct PictureSettings {
    /// To which size a picture is brought.
    enum class Fit : uint32_t {
        keep,     ///< it stays
        exact,    ///< `a` x `b` pixels, whatever its shape
        shortest, ///< its shorter side has `a` pixels; with `b`, its longer one at most so many
        within,   ///< as large as `a` x `b` pixels have room for
        patches,  ///< no larger than `a` x `b`, and of whole patches (Pixtral)
        pixels,   ///< from `a` to `b` pixels in all, and of whole rectangles of merged patches (Qwen2-VL)
        tiles,    ///< it is cut into at most `b` squares of `a` x `a` pixels (Llama 4): Pieces
    } fit = Fit::keep;
    uint32_t a = 0, b = 0;
    bool enlarge = false; ///< tiles: onto the largest canvas that it fits
    bool bf16 = false;    ///< numbers are made in bf16
    Extent patch = {};    ///< patches, pixels: what the sides are multiples of
    Filter filter = Filter::bilinear;
    Rounding rounding = Rounding::pillow;
    Extent crop = {}; ///< the middle that is taken, zeros around what is smaller; {}: all
    double factor = 1;
    std::array<float, 3> mean = {}, std = {1, 1, 1};
    std::vector<std::string> warnings; ///< what the file says and nothing reads
};

/// What a picture is cut into: pieces of one size side by side, and behind them, if they are several, the whole.
struct Pieces {
    uint32_t down = 1, across = 1;
    uint32_t count() const { return down * across == 1 ? 1 : down * across + 1; }
};

/// Fails (unsupported) on classes that weft does not know, and (malformed) on sizes and numbers that cannot be.
Result<PictureSettings> read_picture_settings(const JsonObject& file);

/// The size that a picture is brought to, before its middle is taken; fails (invalid_argument) on pictures that are too
/// long for their width, and on sizes above Picture::kMostPixels.
Result<Extent> fitted(const PictureSettings& settings, Extent picture);
Pieces pieces_of(const PictureSettings& settings, Extent picture);
/// The size that it has in the end, or each of its pieces.
Result<Extent> prepared_size(const PictureSettings& settings, Extent picture);
/// Of a picture that is not cut into pieces what prepared_size() shows, in its own pixels; zeros may surround it.
struct Shown {
    double top = 0, left = 0, height = 0, width = 0;
};
Result<Shown> shown(const PictureSettings& settings, Extent picture);
/// The model's input: f32 [pieces, 3, height, width] of prepared_size(). Any thread.
Result<std::vector<float>> prepared(const PictureSettings& settings, const Picture& picture);

} // namespace weft::detail
