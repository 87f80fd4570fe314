// SPDX-License-Identifier: Apache-2.0
// L5: WebP, by libwebp.
#include "media/picture_file.hpp"
#include <webp/decode.h>
#include <webp/demux.h>

namespace weft::detail {
namespace {

struct Demuxer {
    explicit Demuxer(const WebPData& data) : made(WebPDemux(&data)) {}
    ~Demuxer() { WebPDemuxDelete(made); }
    Demuxer(const Demuxer&) = delete;
    WebPDemuxer* made;
};

uint32_t orientation_of(const WebPData& file) {
    const Demuxer demuxer(file);
    WebPChunkIterator chunk{};
    uint32_t orientation = 1;
    if (demuxer.made && WebPDemuxGetChunk(demuxer.made, "EXIF", 1, &chunk)) {
        auto exif = std::as_bytes(std::span(chunk.chunk.bytes, chunk.chunk.size));
        const std::string_view name("Exif\0\0", 6); // which some programs leave in front
        if (has_at(exif, 0, name)) exif = exif.subspan(name.size());
        orientation = exif_orientation(exif);
    }
    WebPDemuxReleaseChunkIterator(&chunk);
    return orientation;
}

} // namespace

bool is_webp(std::span<const std::byte> file) { return has_at(file, 0, "RIFF") && has_at(file, 8, "WEBP"); }

Result<StoredPicture> read_webp(std::span<const std::byte> file) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(file.data());
    WebPBitstreamFeatures features{};
    if (WebPGetFeatures(bytes, file.size(), &features) != VP8_STATUS_OK)
        return malformed("WebP: the header is broken or cut off");
    if (features.has_animation)
        return Error{ErrorCode::unsupported, "WebP: is an animation; weft reads single pictures", {}};
    weft_ASSIGN(StoredPicture picture, stored_picture(uint64_t(features.height), uint64_t(features.width)));
    if (!WebPDecodeRGBAInto(bytes, file.size(), picture.pixels.data(), picture.pixels.size(), features.width * 4))
        return malformed("WebP: the pixels are broken or cut off");
    picture.orientation = orientation_of({bytes, file.size()});
    return picture;
}

} // namespace weft::detail
