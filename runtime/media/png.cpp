// SPDX-License-Identifier: Apache-2.0
// L5: PNG, by libspng.
#include "media/picture_file.hpp"
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
