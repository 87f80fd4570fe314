// SPDX-License-Identifier: Apache-2.0
// L5: the parts that encoders share: tokens that see each other, heads that fill masks.
#pragma once
#include "layers/convolve.hpp"
#include "layers/patch.hpp"
#include "models/decoder_parts.hpp"

namespace weft::detail {

inline constexpr const char* kEncoder = "encoder";
/// The output of an encoder without a head: its rows as the last norm leaves them.
inline constexpr const char* kLastHidden = "last_hidden_state";
/// The output of what a class makes of all rows of a sequence.
inline constexpr const char* kPooled = "pooler_output";

/// Adds the stage "encoder", whose first block embeds tokens of the schedule's vocabulary in `table`.
Stage& add_encoder(Schedule& schedule, uint32_t width, WeightId table);

/// The row of the first position in the table of models that put it behind pad_token_id (fairseq's): that id + 1.
Result<uint32_t> first_position(const JsonObject& config, int64_t padding);

/// T5's biases by distance: `name` is the file's table [buckets, H]; all that are farther than `farthest` share a
/// bucket. `buckets` is a multiple of 4 and below 2 * `farthest`.
void add_distance_bias(Builder& builder, const std::string& name, uint32_t buckets, uint32_t farthest,
                       AttentionSpec& attention);

/// The BatchNorm `name` by itself: each channel with a factor and an offset.
ConvolveSpec batch_norm(Builder& builder, const std::string& name, uint32_t width, double eps);
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

/// Learned positions, in files one table [extra + side * side, width]: those of the rows before the patches, then those
/// of a square of patches, which are stretched over pictures of other sizes (bicubic, edges meet). `extra_last`: the
/// former stand behind the latter in the file.
void learned_positions(Builder& builder, PatchSpec& patch, const std::string& name, uint32_t side, uint32_t width,
                       bool extra_last = false);
/// Attention of all rows to all under the names of ViT and its kin: at + query, key and value, and `out`.
AttentionSpec picture_attention(Builder& builder, const std::string& at, const std::string& out, const Heads& heads,
                                uint32_t width, bool qkv_bias);

/// Norms all rows of a stage behind its layers, as a stream of their own: what the layers leave stays as it is.
StreamId add_normed(Stage& stage, const Norm& norm);
/// Adds a stage with one row for each sequence of a stream of the last stage, its first one, for blocks and outputs.
Stage& add_pooled(Schedule& schedule, const std::string& name, StreamId stream);

/// How many labels the model's classifier has: rows of `tensor` in the file; of a config alone id2label, if its class
/// classifies. 0: it has no classifier.
Result<uint32_t> label_count(const JsonObject& config, const Builder& builder, const std::string& tensor);
/// Adds the stage "head", one row for each sequence of the last stage, and the output "logits": product(norm(row)).
void add_classifier(Schedule& schedule, RowSpace::Of rows, const Norm& norm, const Linear& product);

} // namespace weft::detail
