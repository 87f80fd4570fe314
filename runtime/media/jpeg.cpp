// SPDX-License-Identifier: Apache-2.0
// L5: JPEG, by libjpeg-turbo.
#include "media/picture_file.hpp"
#include <memory>
#include <turbojpeg.h>

namespace weft::detail {
namespace {

// The EXIF data among the segments before the pixels; empty: there are none.
std::span<const std::byte> exif_of(std::span<const std::byte> file) {
    constexpr std::byte app1{0xe1}, scan{0xda}, mark{0xff};
    for (size_t at = 2; at + 4 <= file.size() && file[at] == mark && file[at + 1] != scan;) {
        const size_t length = size_t(file[at + 2]) << 8 | size_t(file[at + 3]);
        if (length < 2 || at + 2 + length > file.size()) break;
        const auto segment = file.subspan(at + 4, length - 2);
        const std::string_view name("Exif\0\0", 6);
        if (file[at + 1] == app1 && has_at(segment, 0, name)) return segment.subspan(name.size());
        at += 2 + length;
    }
    return {};
}

// Files of four inks hold what is left white of each (Adobe's convention, as Pillow reads them too).
void from_inks(std::vector<uint8_t>& pixels) {
    for (size_t i = 0; i < pixels.size(); i += 4) {
        const uint32_t white = pixels[i + 3];
        for (size_t c = 0; c < 3; ++c) {
            const uint32_t ink = (255u - pixels[i + c]) * white + 128, taken = ((ink >> 8) + ink) >> 8;
            pixels[i + c] = uint8_t(white > taken ? white - taken : 0);
        }
        pixels[i + 3] = 255;
    }
}

} // namespace

bool is_jpeg(std::span<const std::byte> file) { return has_at(file, 0, "\xff\xd8\xff"); }

Result<StoredPicture> read_jpeg(std::span<const std::byte> file) {
    const std::unique_ptr<void, decltype(&tjDestroy)> decoder(tjInitDecompress(), tjDestroy);
    if (!decoder) return Error{ErrorCode::out_of_memory, "JPEG: memory is out", {}};
    const auto refused = [&] { return malformed(std::string("JPEG: ") + tjGetErrorStr2(decoder.get())); };
    const auto* bytes = reinterpret_cast<const unsigned char*>(file.data());
    int width = 0, height = 0, subsampling = 0, colours = 0;
    if (tjDecompressHeader3(decoder.get(), bytes, file.size(), &width, &height, &subsampling, &colours))
        return refused();
    weft_ASSIGN(StoredPicture picture, stored_picture(uint64_t(height), uint64_t(width)));
    const bool inks = colours == TJCS_CMYK || colours == TJCS_YCCK;
    if (tjDecompress2(decoder.get(), bytes, file.size(), picture.pixels.data(), width, 0, height,
                      inks ? TJPF_CMYK : TJPF_RGBA, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)) {
        // Cameras leave bytes between segments, with which nothing is lost; all other warnings are of lost pixels.
        const std::string_view why = tjGetErrorStr2(decoder.get());
        if (tjGetErrorCode(decoder.get()) != TJERR_WARNING || why.find("extraneous bytes") == why.npos)
            return refused();
    }
    if (inks) from_inks(picture.pixels);
    picture.orientation = exif_orientation(exif_of(file));
    return picture;
}

} // namespace weft::detail
