// SPDX-License-Identifier: Apache-2.0
// L6: pictures among the tokens of a text: how a model's are prepared and written.
#pragma once
#include "media/picture_processor.hpp"
#include "models/architecture.hpp"

namespace weft::detail {

/// Of a picture: its stages' activations are as many rows.
inline constexpr uint32_t kMostPatches = 16384;

struct PictureReading {
    PictureSettings settings;
    PictureText text;
    uint32_t placeholder = 0; ///< the token that stands for each of a picture's rows
};
/// Fails (unsupported) where a model does not see pictures among the tokens of a text.
Result<PictureReading> read_picture_reading(const ModelFiles& files, const Schedule& schedule);

} // namespace weft::detail
