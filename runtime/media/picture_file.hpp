// SPDX-License-Identifier: Apache-2.0
// L5: the parts of reading a picture's file: a function a format, and what EXIF data say.
#pragma once
#include "base/result.hpp"
#include <weft/picture.hpp>

namespace weft::detail {

/// A picture as its file holds it.
struct StoredPicture {
    uint32_t height = 0, width = 0;
    std::vector<uint8_t> pixels; ///< [height, width, 4]: red, green, blue, alpha (255: opaque), not multiplied
    uint32_t orientation = 1;    ///< as in EXIF, from 1 to 8
};

/// Whether the first bytes are those of the format.
bool is_png(std::span<const std::byte> file);
bool is_jpeg(std::span<const std::byte> file);
bool is_webp(std::span<const std::byte> file);
/// The messages do not name the file.
Result<StoredPicture> read_png(std::span<const std::byte> file);
Result<StoredPicture> read_jpeg(std::span<const std::byte> file);
Result<StoredPicture> read_webp(std::span<const std::byte> file);

/// A picture of that size, with room for its pixels; fails where it is empty or larger than Picture::kMostPixels.
Result<StoredPicture> stored_picture(uint64_t height, uint64_t width);

/// The orientation that EXIF data (a TIFF header and its first directory) ask for; 1 where they say none that there is.
uint32_t exif_orientation(std::span<const std::byte> exif);

/// Whether `text` stands in `bytes` from `at` on.
bool has_at(std::span<const std::byte> bytes, size_t at, std::string_view text);

} // namespace weft::detail
