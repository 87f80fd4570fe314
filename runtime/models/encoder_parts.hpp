// SPDX-License-Identifier: Apache-2.0
// L5: the parts that encoders share: tokens that see each other, heads that fill masks.
#pragma once
#include "layers/input.hpp"
#include "models/decoder_parts.hpp"

namespace weft::detail {

inline constexpr const char* kEncoder = "encoder";
/// The output of an encoder without a head: its rows as the last norm leaves them.
inline constexpr const char* kLastHidden = "last_hidden_state";

/// Adds the stage "encoder", whose first block embeds tokens of the schedule's vocabulary in `table`.
Stage& add_encoder(Schedule& schedule, uint32_t width, WeightId table);

/// The row of the first position in the table of models that put it behind pad_token_id (fairseq's): that id + 1.
Result<uint32_t> first_position(const JsonObject& config, int64_t padding);

/// T5's biases by distance: `name` is the file's table [buckets, H]; all that are farther than `farthest` share a
/// bucket. `buckets` is a multiple of 4 and below 2 * `farthest`.
void add_distance_bias(Builder& builder, const std::string& name, uint32_t buckets, uint32_t farthest,
                       AttentionSpec& attention);

/// A stage's last block where a norm stands behind all layers.
Block final_norm(const Norm& norm);

/// The names of the model's classes: architectures of config.json.
Result<std::vector<std::string>> classes_of(const JsonObject& config);
/// Whether the model has a head over its vocabulary: the file has `tensor`, or, of a config alone, its class is one for
/// masked language modelling.
Result<bool> has_masked_head(const JsonObject& config, const Builder& builder, const ModelFiles& files,
                             const std::string& tensor);
/// Adds the head of BERT and its kin: logits = norm(act(W x)) E^T + b for every wanted row; `transform`, `norm` and
/// `logits` are its three parts, the first of which may have another width than the encoder.
void add_masked_head(Schedule& schedule, const Linear& transform, kernel::Activation activation, const Norm& norm,
                     const Linear& logits);

/// Square patches side by side: num_channels, patch_size, and image_size, which they divide into at most `most` a side.
/// Gives the grid and how many there are a side.
struct SquarePatches {
    PatchGrid grid;
    uint32_t side = 0;
};
Result<SquarePatches> read_square_patches(const JsonObject& config, uint32_t patch, uint32_t extra, uint32_t most);
/// A convolution over patches, in files [width, channels, patch, patch].
WeightId picture_weight(Builder& builder, const std::string& name, uint32_t width, const PatchGrid& grid);
/// PatchSpec::rows: those of the extra rows by their names, and the bias of patches, zeros where the file has none.
WeightId patch_rows(Builder& builder, const std::vector<std::string>& extra, const std::string& bias, uint32_t width);

/// How many labels the model's classifier has: rows of `tensor` in the file; of a config alone id2label, if its class
/// classifies. 0: it has no classifier.
Result<uint32_t> label_count(const JsonObject& config, const Builder& builder, const std::string& tensor);
/// Adds the stage "head", one row for each sequence of the last stage, and the output "logits": product(norm(row)).
void add_classifier(Schedule& schedule, RowSpace::Of rows, const Norm& norm, const Linear& product);

} // namespace weft::detail
