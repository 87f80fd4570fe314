// SPDX-License-Identifier: Apache-2.0
// L5: PNG, by libspng.
#include "media/picture_file.hpp"
#include <cstdlib>
#include <memory>
#include <spng.h>

namespace weft::detail {
namespace {

constexpr size_t kMostChunk = 16 << 20; // of what is no picture: text, profiles

Error refused(int code) {
    return code == SPNG_EMEM ? Error{ErrorCode::out_of_memory, "PNG: memory is out", {}}
                             : malformed(std::string("PNG: ") + spng_strerror(code));
}

} // namespace

bool is_png(std::span<const std::byte> file) { return has_at(file, 0, "\x89PNG\r\n\x1a\n"); }

Result<StoredPicture> read_png(std::span<const std::byte> file) {
    const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> context(spng_ctx_new(0), spng_ctx_free);
    if (!context) return refused(SPNG_EMEM);
    spng_set_chunk_limits(context.get(), kMostChunk, kMostChunk);
    if (const int code = spng_set_png_buffer(context.get(), file.data(), file.size())) return refused(code);
    spng_ihdr header{};
    if (const int code = spng_get_ihdr(context.get(), &header)) return refused(code);
    weft_ASSIGN(StoredPicture picture, stored_picture(header.height, header.width));
    if (const int code = spng_decode_image(context.get(), picture.pixels.data(), picture.pixels.size(), SPNG_FMT_RGBA8,
                                           SPNG_DECODE_TRNS))
        return refused(code);
    // What stands behind the pixels is worth reading for the orientation alone.
    spng_exif exif{};
    if (spng_decode_chunks(context.get()) == SPNG_OK && spng_get_exif(context.get(), &exif) == SPNG_OK)
        picture.orientation = exif_orientation(std::as_bytes(std::span(exif.data, exif.length)));
    return picture;
}

} // namespace weft::detail

namespace weft {
using namespace detail;

Result<std::vector<std::byte>> Picture::png() const try {
    if (pixels.size() != uint64_t(height) * width * 3 || pixels.empty())
        return Error{ErrorCode::invalid_argument, "a picture must have height x width x 3 bytes, and some", {}};
    const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> context(spng_ctx_new(SPNG_CTX_ENCODER), spng_ctx_free);
    if (!context) return refused(SPNG_EMEM);
    spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1);
    spng_ihdr header{.width = width, .height = height, .bit_depth = 8, .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
    if (const int code = spng_set_ihdr(context.get(), &header)) return refused(code);
    if (const int code =
            spng_encode_image(context.get(), pixels.data(), pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE))
        return refused(code);
    size_t size = 0;
    int code = 0;
    const std::unique_ptr<void, decltype(&std::free)> file(spng_get_png_buffer(context.get(), &size, &code), std::free);
    if (!file) return refused(code);
    const auto* const bytes = static_cast<const std::byte*>(file.get());
    return std::vector<std::byte>(bytes, bytes + size);
}
weft_CATCH

} // namespace weft
