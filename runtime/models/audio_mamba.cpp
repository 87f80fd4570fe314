// SPDX-License-Identifier: Apache-2.0
// L5: Audio Mamba (Erol et al. 2024): Vision Mamba over the patches of a spectrogram.
#include "models/scan_parts.hpp"
#include <algorithm>

namespace weft::detail::audio_mamba {
namespace {

constexpr const char* kFbank = "fbank"; // [frames, mels]

// Files have the class tokens' positions first, wherever those stand, then those of the patches, mels from `across`
// frames each. A transposed sequence has the patches of one time after another.
WeightId positions(Builder& builder, const VimSizes& s, uint32_t across, bool transposed) {
    const std::string name = "pos_embed.pos_embed";
    const std::vector<uint32_t> places = s.grid.extra_places(s.patches);
    const auto extra = uint32_t(places.size());
    WeightSlot slot{name, {s.rows(), s.width}, false, {}, {}, {}};
    const auto add = [&](uint32_t first, uint32_t count, uint32_t stride, uint32_t to) {
        slot.pieces.push_back({.names = builder.names(name),
                               .file_shape = {1, s.rows(), s.width},
                               .rows = {first, {{count, stride}}},
                               .to = {to, {{count, 1}}}});
    };
    for (uint32_t i = 0; i < extra; ++i) add(i, 1, 1, places[i]);
    const uint32_t lines = transposed ? across : 1, stride = lines, length = s.patches / lines;
    uint32_t row = 0, next = 0; // of the sequence; of the class tokens
    for (uint32_t line = 0; line < lines; ++line)
        for (uint32_t done = 0; done < length;) {
            for (; next < extra && places[next] == row; ++next) ++row;
            const uint32_t free = next < extra ? places[next] - row : s.rows(), count = std::min(length - done, free);
            add(extra + line + done * stride, count, stride, row);
            row += count;
            done += count;
        }
    return builder.add(std::move(slot));
}

Result<Schedule> schedule(const JsonObject& c, const ModelFiles& files) {
    weft_ASSIGN(VimSizes s, read_vim(c, "if_devide_out", 1));
    if (s.grid.channels != 1) return c.bad("channels", "must be 1: a spectrogram has no more");
    weft_ASSIGN(const Sides size, sides_or(c, "spectrogram_size", 128));
    weft_ASSIGN(const Sides patch_size, sides_or(c, "patch_size", 16));
    weft_ASSIGN(const Sides strides, sides_or(c, "strides", 16));
    weft_ASSIGN(const bool transposed, c.boolean_or("transpose_token_sequence", false));
    s.grid.patch_y = patch_size.height;
    s.grid.patch_x = patch_size.width;
    s.grid.stride_y = strides.height;
    s.grid.stride_x = strides.width;
    weft_TRY(count_patches(c, s, size, "spectrogram_size"));
    const uint32_t across = s.grid.across(size.width);
    // The input's rows are frames: what is transposed comes as it is.
    s.grid.layout = transposed ? PatchGrid::Layout::rows : PatchGrid::Layout::columns;
    if (transposed) {
        std::swap(s.grid.patch_y, s.grid.patch_x);
        std::swap(s.grid.stride_y, s.grid.stride_x);
    }
    Schedule made;
    Builder builder(made, files, {""});
    PatchSpec patch;
    patch.input = kFbank;
    patch.grid = s.grid;
    const std::string projection = "patch_embed.proj.";
    WeightPiece weight{builder.names(projection + "weight"), {s.width, 1, patch_size.height, patch_size.width}};
    if (transposed) weight.order = kTransposed;
    patch.weight = builder.add({projection + "weight", {s.width, s.grid.columns()}, true, {weight}, {}, {}});
    patch.rows = patch_rows(builder, class_tokens(s), projection + "bias", s.width);
    if (s.positions) patch.positions = positions(builder, s, across, transposed);
    add_vim(builder, made, s, patch);
    return made;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"audio_mamba"},
                                "Audio Mamba",
                                "sound: patches of a spectrogram, scanned as Vision Mamba scans those of pictures",
                                schedule,
                                {},
                                {},
                                vision_mamba_keys_not_read()};

} // namespace weft::detail::audio_mamba
