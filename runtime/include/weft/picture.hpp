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

} // namespace weft
