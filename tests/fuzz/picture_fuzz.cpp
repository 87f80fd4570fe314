// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a PNG, JPEG or WebP file: what is accepted is a picture of its size, and the same as a PNG.
#include "base/check.hpp"
#include <cstddef>
#include <cstdint>
#include <weft/picture.hpp>

using namespace weft;
using namespace weft::detail;

namespace {

constexpr uint64_t kMostPixels = 1 << 16; // to be written again: larger ones only take time

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto picture = Picture::decode(std::as_bytes(std::span(data, size)), "p");
    weft_CHECK(picture || picture.error().message.starts_with("p: "), "a message names the file");
    if (!picture) return 0;
    const uint64_t pixels = uint64_t(picture->height) * picture->width;
    weft_CHECK(pixels > 0 && pixels <= Picture::kMostPixels && picture->pixels.size() == 3 * pixels,
               "a picture has its pixels");
    if (pixels > kMostPixels) return 0;
    const auto png = picture->png();
    weft_CHECK(bool(png), "a picture can be written");
    const auto again = Picture::decode(*png, "p");
    weft_CHECK(again && again->pixels == picture->pixels, "a PNG holds what it is made from");
    return 0;
}
