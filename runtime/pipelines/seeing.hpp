// SPDX-License-Identifier: Apache-2.0
// L6: a schedule made one that gives a row of numbers for each picture, and what its files say of pictures.
#pragma once
#include "io/model_files.hpp"
#include "media/picture_processor.hpp"
#include "schedule/schedule.hpp"

namespace weft::detail {

/// Leaves what the output needs that has a row a picture, which is then the only one: "logits", or if `embed` the first
/// that there is of "image_embeds", "pooler_output", what the classifier reads, and the class token or the mean of
/// "last_hidden_state". Fails (unsupported) where a model sees no pictures, sees them among the tokens of a text, or
/// has no such output.
Status make_seeing(Schedule& schedule, bool embed);

/// Of processor_config.json, or preprocessor_config.json; of a model without them what ViTImageProcessor takes for
/// config.json's image_size, with a warning.
Result<PictureSettings> read_picture_settings(const ModelFiles& files);

/// id2label of config.json, for `count` classes; those that it has no name for are LABEL_n, as in transformers.
Result<std::vector<std::string>> read_labels(const ModelFiles& files, uint32_t count);

} // namespace weft::detail
