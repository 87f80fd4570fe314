// SPDX-License-Identifier: Apache-2.0
// L5: pictures from files: whichever format it is, turned upright and laid over white.
#include "base/file.hpp"
#include "media/picture_file.hpp"
#include <algorithm>
#include <cstring>

namespace weft::detail {
namespace {

// Of a value over white, as Pillow's alpha_composite rounds it.
uint8_t over_white(uint32_t value, uint32_t alpha) {
    if (alpha == 0) return 255;
    constexpr uint32_t bits = 7;
    const uint32_t share = alpha << bits, white = (255u << bits) - share,
                   sum = value * share + 255 * white + (0x80u << bits);
    return uint8_t((((sum >> 8) + sum) >> 8) >> bits);
}

Picture upright(const StoredPicture& p, const std::string& name) {
    const uint32_t o = p.orientation;
    const bool turned = o >= 5, from_below = o == 3 || o == 4 || o == 6 || o == 7,
               from_right = o == 2 || o == 3 || o == 7 || o == 8;
    Picture all{name, turned ? p.width : p.height, turned ? p.height : p.width, {}};
    all.pixels.resize(size_t(all.height) * all.width * 3);
    uint8_t* to = all.pixels.data();
    for (uint32_t y = 0; y < all.height; ++y)
        for (uint32_t x = 0; x < all.width; ++x) {
            const size_t row = turned ? x : y, column = turned ? y : x;
            const uint8_t* from = &p.pixels[((from_below ? p.height - 1 - row : row) * p.width +
                                             (from_right ? p.width - 1 - column : column)) *
                                            4];
            for (uint32_t c = 0; c < 3; ++c) *to++ = from[3] == 255 ? from[c] : over_white(from[c], from[3]);
        }
    return all;
}

Result<StoredPicture> read(std::span<const std::byte> file) {
    if (file.empty()) return malformed("is empty");
    if (is_png(file)) return read_png(file);
    if (is_jpeg(file)) return read_jpeg(file);
    if (is_webp(file)) return read_webp(file);
    return Error{ErrorCode::unsupported, "is no PNG, JPEG or WebP picture", {}};
}

} // namespace

bool has_at(std::span<const std::byte> bytes, size_t at, std::string_view text) {
    return at <= bytes.size() && text.size() <= bytes.size() - at &&
           std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

Result<StoredPicture> stored_picture(uint64_t height, uint64_t width) {
    if (height == 0 || width == 0) return malformed("has no pixels");
    if (height > Picture::kMostPixels / width)
        return Error{ErrorCode::unsupported,
                     "has " + std::to_string(width) + " x " + std::to_string(height) + " pixels; weft reads up to " +
                         std::to_string(Picture::kMostPixels >> 20) + " megapixels (of 2^20)",
                     {}};
    StoredPicture p{uint32_t(height), uint32_t(width), {}};
    p.pixels.resize(size_t(height * width) * 4);
    return p;
}

uint32_t exif_orientation(std::span<const std::byte> exif) {
    const bool big = has_at(exif, 0, std::string_view("MM\0*", 4));
    if (!big && !has_at(exif, 0, std::string_view("II*\0", 4))) return 1;
    // Zero beyond the end, which is no tag and no count of entries.
    const auto number = [&](uint64_t at, uint32_t bytes) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < bytes && at + bytes <= exif.size(); ++i)
            n |= uint32_t(exif[at + i]) << 8 * (big ? bytes - 1 - i : i);
        return n;
    };
    constexpr uint32_t tag = 0x0112, short_type = 3;
    const uint64_t directory = number(4, 4);
    for (uint64_t i = 0; i < number(directory, 2); ++i) {
        const uint64_t entry = directory + 2 + 12 * i;
        if (number(entry, 2) != tag || number(entry + 2, 2) != short_type) continue;
        const uint32_t value = number(entry + 8, 2);
        return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

} // namespace weft::detail

namespace weft {
using namespace detail;

Result<Picture> Picture::decode(std::span<const std::byte> file, const std::string& name) try {
    const auto stored = read(file);
    if (!stored) return in_context(name, stored.error());
    return upright(*stored, name);
}
weft_CATCH

Result<Picture> Picture::load(const std::filesystem::path& path) try {
    weft_ASSIGN(const std::string file, read_file(path));
    return decode(std::as_bytes(std::span(file)), path.string());
}
weft_CATCH

} // namespace weft
