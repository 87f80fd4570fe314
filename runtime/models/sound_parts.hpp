// SPDX-License-Identifier: Apache-2.0
// L5: the parts that models of sounds share: convolutions along time.
#pragma once
#include "layers/input.hpp"
#include "models/decoder_parts.hpp"

namespace weft::detail {

/// A convolution along time.
struct TimeConv {
    uint32_t taps = 1, stride = 1, pad = 0;
};

/// How frames of `channels` numbers are cut into windows: an input [channels, frames], pictures of height 1.
PatchGrid sound_grid(uint32_t channels, const TimeConv& conv);
/// Rows that are such windows over the rows of a stage.
RowSpace merged_frames(StageId from, const TimeConv& conv);
/// The matrix [out, taps * in] of a convolution over rows, in files [out, in, taps].
WeightId convolution(Builder& builder, const Builder::Rows& layer);

} // namespace weft::detail
