// SPDX-License-Identifier: Apache-2.0
// Public: pictures, from files and from memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>
#include <weft/error.hpp>
#include <weft/export.hpp>

namespace weft {

/// A picture as models are shown it: red, green and blue of 8 bits each.
struct Picture {
    std::string name; ///< of its file, for messages; may be empty
    uint32_t height = 0, width = 0;
    std::vector<uint8_t> pixels; ///< [height, width, 3], from the top left

    /// The most pixels that a picture may have.
    static constexpr uint64_t kMostPixels = uint64_t(64) << 20;

    /// Reads a PNG, JPEG or WebP file. It is turned as its EXIF data say, laid over white where it is transparent, and
    /// made RGB of 8 bits: of 16 the upper 8. Fails (malformed) on a file that is cut off or broken, (unsupported) on
    /// other kinds, on animations and on more than kMostPixels. Any thread.
    static weft_API Result<Picture> load(const std::filesystem::path& path);
    /// The same of a file's bytes.
    static weft_API Result<Picture> decode(std::span<const std::byte> file, const std::string& name);
    /// It as a PNG file.
    weft_API Result<std::vector<std::byte>> png() const;
};

/// What a model looks at in a picture: a number for each patch of its last layers.
struct PictureMap {
    std::string what; ///< of what the numbers are, in words
    uint32_t down = 0, across = 0;
    std::vector<float> values; ///< [down, across], none below 0
    /// In pixels of the picture: the middle of the patch at row i and column k is at (top + i * step_down, left + k *
    /// step_across), and the model was shown what lies between (shown_top, shown_left) and (shown_bottom, shown_right).
    double top = 0, left = 0, step_down = 1, step_across = 1;
    double shown_top = 0, shown_left = 0, shown_bottom = 0, shown_right = 0;

    /// The picture in grey, and over it, where the model was shown it, colours from violet (the least of the numbers)
    /// to yellow (the largest), whose lightness grows with them. Of small pictures every pixel becomes a square of
    /// them, so that the longer side has 384 at least. Fails (invalid_argument) where sizes and counts do not fit.
    weft_API Result<Picture> over(const Picture& picture) const;
};

} // namespace weft
