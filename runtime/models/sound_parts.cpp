// SPDX-License-Identifier: Apache-2.0
#include "models/sound_parts.hpp"

namespace weft::detail {

PatchGrid sound_grid(uint32_t channels, const TimeConv& conv) {
    PatchGrid grid;
    grid.patch_x = conv.taps;
    grid.stride_x = conv.stride;
    grid.pad_x = conv.pad;
    grid.channels = channels;
    grid.layout = PatchGrid::Layout::sound;
    return grid;
}

RowSpace merged_frames(StageId from, const TimeConv& conv) {
    return {.of = RowSpace::Of::merged,
            .from = from,
            .down = 1,
            .across = conv.taps,
            .stride_across = conv.stride,
            .pad_across = conv.pad};
}

WeightId convolution(Builder& builder, const Builder::Rows& layer) {
    const uint32_t out = layer.shape[0], in = layer.shape[1], taps = layer.shape[2];
    WeightPiece piece{.names = builder.names(layer.name), .file_shape = {out, in, taps}, .order = kTransposed};
    return builder.add({layer.name, {out, taps * in}, true, {piece}, {}, {}});
}

} // namespace weft::detail
