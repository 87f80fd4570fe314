// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a preprocessor_config.json, and a picture prepared as it says: a size within what weft
// takes, or a message that names the file or the picture; and numbers that are finite.
#include "base/check.hpp"
#include "media/picture_processor.hpp"
#include <cmath>
#include <cstddef>

using namespace weft;
using namespace weft::detail;

namespace {

constexpr uint32_t kSides[] = {1, 2, 3, 7, 14, 31, 64, 200, 65536};
constexpr uint64_t kPrepared = 1 << 14; // pixels; more of the same only take time

void prepare(const PictureSettings& settings, Extent from) {
    const auto size = prepared_size(settings, from);
    if (!size) {
        weft_CHECK(size.error().message.starts_with("a picture of "), "a message names the picture");
        return;
    }
    const auto pixels = [](Extent e) { return uint64_t(e.height) * e.width; };
    const uint64_t all = pixels(*size) * pieces_of(settings, from).count();
    weft_CHECK(size->height && size->width && all <= Picture::kMostPixels, "a size is one that weft takes");
    const Extent fit = fitted(settings, from).value();
    if (all + pixels(fit) + pixels(from) + uint64_t(from.height) * fit.width > kPrepared) return;
    Picture picture{"", from.height, from.width, {}};
    for (uint64_t i = 0; i < pixels(from) * 3; ++i) picture.pixels.push_back(uint8_t(i * 37));
    const auto values = prepared(settings, picture);
    weft_CHECK(values && values->size() == all * 3, "what has a size can be prepared");
    for (const float v : *values) weft_CHECK(std::isfinite(v), "numbers are finite");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string origin = "preprocessor_config.json";
    const auto json = parse_json(std::string_view(reinterpret_cast<const char*>(data), size), origin);
    if (!json || !json->is_object()) return 0;
    const auto settings = read_picture_settings(JsonObject(*json, origin));
    if (!settings) {
        weft_CHECK(settings.error().message.starts_with(origin + ": "), "a message names the file");
        return 0;
    }
    for (const uint32_t height : kSides)
        for (const uint32_t width : kSides) prepare(*settings, {height, width});
    return 0;
}
