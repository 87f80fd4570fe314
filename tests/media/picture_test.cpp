// SPDX-License-Identifier: Apache-2.0
// Tests of L5 media: pictures from files and in other sizes, against what Pillow and torch make of them
// (goldens/make_pictures.py), and files that are broken.
#include "base/file.hpp"
#include "media/picture_file.hpp"
#include "media/recorded.hpp"
#include "media/resample.hpp"
#include "unit/temporary_directory.hpp"
#include <algorithm>
#include <catch2/catch_all.hpp>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

std::string bytes_of(const std::string& name) { return *read_file(test::pictures() / name); }

Result<Picture> decode(const std::string& bytes, const std::string& name = "a file") {
    return Picture::decode(std::as_bytes(std::span(bytes)), name);
}

Error file_refused(const std::string& bytes) {
    const auto picture = decode(bytes);
    REQUIRE_FALSE(picture);
    return picture.error();
}

// A PNG's first 33 bytes, with another size.
std::string png_of(uint32_t width, uint32_t height) {
    std::string bytes = bytes_of("rgb.png");
    for (int i = 0; i < 4; ++i) {
        bytes[16 + size_t(i)] = char(width >> (24 - 8 * i));
        bytes[20 + size_t(i)] = char(height >> (24 - 8 * i));
    }
    uint32_t crc = ~0u;
    for (size_t i = 12; i < 29; ++i) {
        crc ^= uint8_t(bytes[i]);
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    for (int i = 0; i < 4; ++i) bytes[29 + size_t(i)] = char(~crc >> (24 - 8 * i));
    return bytes;
}

} // namespace

TEST_CASE("pictures: files are read as Pillow reads them") {
    const auto recorded = test::recorded_pictures("decoded.safetensors");
    CHECK(recorded.size() >= 25);
    for (const auto& [name, expected] : recorded) {
        INFO(name);
        const auto picture = Picture::load(test::pictures() / name);
        REQUIRE(picture);
        CHECK(picture->name == (test::pictures() / name).string());
        CHECK(picture->height == expected.height);
        CHECK(picture->width == expected.width);
        CHECK((picture->pixels == expected.pixels));
    }
}

TEST_CASE("pictures: a file that is cut off anywhere is refused by its name") {
    for (const char* name : {"rgb.png", "interlaced.png", "rgb.jpg", "progressive.jpg", "lossy.webp", "alpha.webp"}) {
        const std::string whole = bytes_of(name);
        REQUIRE(decode(whole, name));
        // Nothing of the picture is in a PNG's last chunk and the checksum before it, nor in what closes a JPEG.
        const size_t behind = std::string_view(name).ends_with("png") ? 16 : 2;
        for (size_t length = 0; length < whole.size() - behind; ++length) {
            INFO(name << ", " << length << " of " << whole.size() << " bytes");
            const auto picture = decode(whole.substr(0, length), name);
            REQUIRE_FALSE(picture);
            CHECK_THAT(picture.error().message, StartsWith(std::string(name) + ": "));
        }
    }
}

TEST_CASE("pictures: files with a byte changed are read or refused") {
    for (const auto& entry : std::filesystem::directory_iterator(test::pictures())) {
        if (entry.path().extension() == ".safetensors" || entry.path().extension() == ".json") continue;
        const std::string whole = *read_file(entry.path());
        for (size_t i = 0; i < whole.size(); ++i)
            for (const int change : {1, 0x80, 0xff}) {
                std::string bytes = whole;
                bytes[i] = char(uint8_t(bytes[i]) ^ change);
                if (const auto picture = decode(bytes))
                    REQUIRE(picture->pixels.size() == size_t(picture->height) * picture->width * 3);
            }
    }
}

TEST_CASE("pictures: what is no picture that weft reads is named") {
    CHECK(file_refused("").message == "a file: is empty");
    CHECK(file_refused("GIF89a").code == ErrorCode::unsupported);
    CHECK(file_refused("GIF89a").message == "a file: is no PNG, JPEG or WebP picture");
    CHECK(file_refused(png_of(0, 8)).code == ErrorCode::malformed);
    CHECK(file_refused(png_of(8192, 8193)).code == ErrorCode::unsupported);
    CHECK_THAT(file_refused(png_of(8192, 8193)).message,
               ContainsSubstring("8192 x 8193 pixels; weft reads up to 64 mega"));
    CHECK_THAT(file_refused(png_of(8192, 8192)).message, ContainsSubstring("PNG: "));
    const test::TemporaryDirectory directory;
    CHECK(Picture::load(directory / "nothing.png").error().code == ErrorCode::not_found);
    CHECK_THAT(Picture::load(directory.path()).error().message, ContainsSubstring(directory.path().string()));
    std::string animation = bytes_of("alpha.webp");
    animation[20] = char(animation[20] | 2);
    if (animation.substr(12, 4) == "VP8X") CHECK_THAT(file_refused(animation).message, ContainsSubstring("animation"));
}

TEST_CASE("pictures: EXIF data of any kind") {
    const auto orientation = [](std::string exif) { return exif_orientation(std::as_bytes(std::span(exif))); };
    const std::string little("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 22),
        big("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0", 22);
    CHECK(orientation(little) == 6);
    CHECK(orientation(big) == 8);
    for (size_t length = 0; length < 20; ++length) CHECK(orientation(little.substr(0, length)) == 1);
    std::string wrong = little;
    wrong[18] = 9;
    CHECK(orientation(wrong) == 1);
    wrong = little;
    wrong[7] = char(0xff); // a directory far behind the end
    CHECK(orientation(wrong) == 1);
}

TEST_CASE("pictures: other sizes are as Pillow and torch make them, bit for bit") {
    constexpr const char* kFilters[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};
    const auto recorded = test::recorded_pictures("resized.safetensors");
    const Picture& input = recorded.at("input");
    CHECK(recorded.size() >= 40);
    for (const auto& [name, expected] : recorded) {
        if (name == "input") continue;
        INFO(name);
        const bool torch = name.starts_with("torch.");
        const std::string filter = name.substr(torch ? 6 : 0, name.rfind('.') - (torch ? 6 : 0));
        const auto number = std::ranges::find(kFilters, filter) - kFilters;
        REQUIRE(number < 6);
        const Picture ours = resized(input, expected.height, expected.width, Filter(number),
                                     torch ? Rounding::torchvision : Rounding::pillow);
        CHECK((ours.pixels == expected.pixels));
    }
    CHECK((resized(input, input.height, input.width, Filter::lanczos).pixels == input.pixels));
}
