// SPDX-License-Identifier: Apache-2.0
// L5: LLaVA (Liu et al. 2023): the patches of a middle layer of a tower, through two products, among the tokens of a
// decoder.
#include "models/gguf_tower.hpp"
#include "models/picture_parts.hpp"
#include <algorithm>

namespace weft::detail::llava {
namespace {

constexpr const char* kTowers[] = {"clip_vision_model", "siglip_vision_model", "pixtral"};

// Which rows stand among the tokens: the patches, where there is a class token before them.
Status read_strategy(const JsonObject& config, uint32_t extra) {
    const char* key = "vision_feature_select_strategy";
    weft_ASSIGN(const std::string strategy, config.string_or(key, "default"));
    if (strategy != "default" && strategy != "full")
        return config.bad(key, "must be 'default' or 'full', is " + in_quotes(strategy));
    if ((strategy == "default") == (extra == 1)) return Ok{};
    return Error{ErrorCode::unsupported,
                 config.origin() + ": key '" + key + "' is '" + strategy + "' for a tower with " +
                     std::to_string(extra) + " class tokens; weft reads the patches, all of them",
                 {}};
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    std::string type = kTowers[0];
    if (config.has("vision_config")) {
        weft_ASSIGN(const JsonObject vision, config.object("vision_config"));
        weft_ASSIGN(type, vision.string_or("model_type", type));
        if (std::ranges::find(kTowers, type) == std::end(kTowers))
            return vision.bad("model_type",
                              "must be clip_vision_model, siglip_vision_model or pixtral, is " + in_quotes(type));
    }
    weft_ASSIGN(TextAndTower both,
                text_and_tower(config, files, type.c_str(), {"model.vision_tower.", "vision_tower."}));
    if (!both.has_tower) return both.text;
    only_layers(both.tower);
    Stage& tower = both.tower.stages[0];
    const size_t layers = tower.layers.size();
    weft_TRY(read_feature_layer(config, tower, -2));
    for (size_t i = tower.layers.size(); i < layers; ++i)
        for (const char* at : {"*vision_tower.*layers.", "v.blk."})
            both.tower.unneeded.push_back({at + std::to_string(i) + ".*", "behind the layer that is read"});
    weft_TRY(read_strategy(config, tower.first[0].branches[0].op.as<PatchSpec>()->grid.extra));
    weft_ASSIGN(const bool bias, config.boolean_or("multimodal_projector_bias", true));
    MergedRows rows{.name = kProjector, .merge = 1};
    weft_ASSIGN(rows.activation, activation_of(config, "projector_hidden_act", "gelu"));
    const std::string at = "multi_modal_projector.";
    const uint32_t wide = tower.width, width = decoder_of(both.text).width;
    Builder builder(both.tower, files, {"model.", ""});
    rows.first = builder.linear(at + "linear_1", width, wide, bias);
    rows.second = builder.linear(at + "linear_2", width, width, bias);
    both.tower.stages.push_back(merged_rows(rows));
    weft_TRY(see(config, both.text, std::move(both.tower), "image_token_index", 32000));
    return both.text;
}

// Those who wrote such files left out the layer that is not read, or said which one is.
Status complete(const ModelFiles& files, Json& whole, Json& preparing) {
    const GgufMetadata& metadata = *files.mmproj();
    Json& vision = whole["vision_config"];
    if (metadata.has("clip.vision.image_grid_pinpoints"))
        return Error{ErrorCode::unsupported,
                     metadata
                         .bad("clip.vision.image_grid_pinpoints",
                              "is there: pictures would be cut into several (LLaVA-NeXT); weft shows whole ones")
                         .message,
                     {}};
    const bool clip = files.find("v.class_embd");
    vision["model_type"] = clip ? "clip_vision_model" : "siglip_vision_model";
    weft_ASSIGN(vision["hidden_act"], gguf_tower_activation(metadata, clip ? "gelu" : "gelu_pytorch_tanh"));
    whole["vision_feature_layer"] = vision["num_hidden_layers"];
    if (metadata.has("clip.vision.feature_layer")) {
        weft_ASSIGN(const auto layers, metadata.integers("clip.vision.feature_layer"));
        if (layers.size() != 1)
            return metadata.bad("clip.vision.feature_layer", "must be one: weft reads models that use one layer");
        whole["vision_feature_layer"] = layers[0];
    }
    whole["vision_feature_select_strategy"] = clip ? "default" : "full";
    preparing = clip ? Json{{"image_processor_type", "CLIPImageProcessor"},
                            {"size", {{"shortest_edge", vision["image_size"]}}},
                            {"crop_size", gguf_square(vision)}}
                     : Json{{"image_processor_type", "SiglipImageProcessor"}, {"size", gguf_square(vision)}};
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    .model_types = {"llava"},
    .title = "LLaVA",
    .traits = "a tower for pictures, the patches of one of whose layers stand among the tokens",
    .schedule = schedule,
    .keys_not_read = {{"image_seq_length", "pictures have as many rows as patches"}},
    .tensors_not_read = {{"*vision_tower.*post_layernorm.*", "behind the layer that is read"},
                         {"*vision_tower.*head.*", "behind the layer that is read"},
                         {"v.post_ln.*", "behind the layer that is read"},
                         {"v.token_embd.img_break", "the text's table has it"}},
    .pictures = PictureText{.mark = "<image>", .alone = "<image>\n", .each = "<image>"},
    .towers = {{"mlp",
                nullptr,
                complete,
                {{"multi_modal_projector.linear_1", "mm.0"}, {"multi_modal_projector.linear_2", "mm.2"}}}}};

} // namespace weft::detail::llava
