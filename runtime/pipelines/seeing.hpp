// SPDX-License-Identifier: Apache-2.0
// L6: a schedule made one that gives a row of numbers for each picture, and what its files say of pictures.
#pragma once
#include "io/model_files.hpp"
#include "media/picture_processor.hpp"
#include "schedule/schedule.hpp"
#include <weft/tokenizer.hpp>

namespace weft::detail {

/// What is made of a picture.
enum class Seen { classes, vector, likeness }; ///< likeness: to texts

/// Leaves one output, with a row a picture, and what it needs: "logits", or for vectors the first that there is of
/// "image_embeds", "pooler_output", what the classifier reads, and the class token or the mean of "last_hidden_state".
/// A model that compares pictures with texts stays as it is for that. Fails (unsupported) where a model sees no
/// pictures, sees them among the tokens of a text, or has no such output.
Status make_seeing(Schedule& schedule, Seen seen);

/// The comparison of pictures with texts; null: the model has none.
const Similarity* likeness_of(const Schedule& schedule);
/// Whether such a model was trained to judge each pair of a picture and a text by itself (SigLIP), and not which of the
/// texts goes with a picture (CLIP). Then its texts are all of one length, filled up with pad_token_id.
bool judges_pairs(const Schedule& schedule);
/// The ids of a text of at most position_limit tokens as such a model was trained to read them.
Result<std::vector<uint32_t>> filled_up(std::vector<uint32_t> ids, const Schedule& schedule, const ModelFiles& files);
/// The ids of a text to be compared with pictures; fails (invalid_argument) where it is too long for the model.
Result<std::vector<uint32_t>> text_ids(const Tokenizer& tokenizer, const std::string& text, const Schedule& schedule,
                                       const ModelFiles& files);

/// Of processor_config.json, or preprocessor_config.json; of a model without them what ViTImageProcessor takes for
/// config.json's image_size, or vision_config's, with a warning.
Result<PictureSettings> read_picture_settings(const ModelFiles& files);

} // namespace weft::detail
