// SPDX-License-Identifier: Apache-2.0
// L5: GGUF files with a tower for pictures, beside one that holds the text (mmproj), in the words of config.json and
// preprocessor_config.json.
#pragma once
#include "models/architecture.hpp"

namespace weft::detail {

/// Of files with mmproj(): what a directory of the whole model would have.
struct GgufWhole {
    Json config;    ///< with text_config and vision_config
    Json preparing; ///< preprocessor_config.json
};
/// `text`: the config of the file with the text (gguf_config). Fails (unsupported) on projectors that weft does not
/// know, and (invalid_argument) where tower and text are not of one model.
Result<GgufWhole> gguf_whole(const ModelFiles& files, const Json& text);
/// The same for files alone.
Result<GgufWhole> gguf_whole(const ModelFiles& files);

/// What weights of the files are called: of those with mmproj() tower and projector, else the text's.
std::vector<GgufName> gguf_names(const ModelFiles& files);

/// The activation of a tower's layers by clip.use_gelu and clip.use_silu: `gelu` is what the former means.
Result<std::string> gguf_tower_activation(const GgufMetadata& metadata, const char* gelu);
/// A square of clip.vision.image_size.
Json gguf_square(const Json& vision);

} // namespace weft::detail
