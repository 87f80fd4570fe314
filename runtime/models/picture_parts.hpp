// SPDX-License-Identifier: Apache-2.0
// L5: the parts that language models with pictures share: a tower before a decoder, whose rows stand among its tokens.
#pragma once
#include "models/encoder_parts.hpp"
#include <functional>

namespace weft::detail {

inline constexpr const char *kVision = "vision", *kProjector = "projector";
/// The output of what stands among the tokens, [rows, width of the decoder].
inline constexpr const char* kImageFeatures = "image_features";

/// The output, and the memory, of what is added to it behind layer i.
inline std::string deep_stack(uint32_t i) { return "deepstack." + std::to_string(i); }

/// What text_config and vision_config describe, each by its own architecture, not settled.
struct TextAndTower {
    Json text_config;
    Schedule text, tower;
    bool has_tower = false; ///< false: the file has nothing of it, or there is no vision_config
};
/// `tower_type`: the model_type of vision_config where it has none. `tower_names`: what the tower's tensors begin with.
Result<TextAndTower> text_and_tower(const JsonObject& config, const ModelFiles& files, const char* tower_type,
                                    const std::vector<std::string>& tower_names);

/// Leaves a tower its first stage without what is behind the layers, and no outputs.
void only_layers(Schedule& tower);
/// vision_feature_layer: the number of the hidden state that is read, from the last where it is negative. Takes the
/// layers behind it out of the tower.
Status read_feature_layer(const JsonObject& config, Stage& tower, int64_t otherwise);

/// `key` heads (16 where it is absent) of `width`, whose pairs of channels can be shared between two axes.
Result<Heads> axial_heads(const JsonObject& config, uint32_t width, const std::string& key);
/// The base of axial rotary positions; scaled ones are refused.
Result<double> axial_theta(const JsonObject& config);
/// Axial rotary positions of patches: the first half of `frequencies`, one for each pair of channels, turn by how far
/// down a patch is, the others by how far across.
Rope axial_rope(Builder& builder, std::vector<float> frequencies);

/// Rectangles of patches as rows of a decoder's width: second(act(first(norm(patches side by side)))).
struct MergedRows {
    std::string name;
    StageId from = 0;
    StreamId stream = kResidual; ///< of it
    uint32_t merge = 2;          ///< patches of a rectangle, down and across
    Norm norm = {};
    Linear first, second;
    kernel::Activation activation = kernel::Activation::gelu;
};
Stage merged_rows(const MergedRows& rows);

/// M-RoPE (Wang et al. 2024): pair i of the channels that are rotated turns by the position along axis axis_of(i) of
/// three. Changes every attention of the decoder.
void turn_by_axes(Schedule& text, const std::function<uint32_t(uint32_t)>& axis_of);

/// Puts the tower before the decoder: it runs when pictures are given, and the rows of its last stage stand for the
/// tokens that the config names under `key`, or under image_token_id.
Status see(const JsonObject& config, Schedule& text, Schedule tower, const std::string& key, int64_t otherwise);

} // namespace weft::detail
