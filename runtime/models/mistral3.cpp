// SPDX-License-Identifier: Apache-2.0
// L5: Mistral Small 3.1: Pixtral's tower, whose patches are merged into rows among the tokens of a Mistral.
#include "layers/identity.hpp"
#include "layers/merge.hpp"
#include "models/gguf_tower.hpp"
#include "models/picture_parts.hpp"
#include "schedule/compose.hpp"

namespace weft::detail::mistral3 {
namespace {

struct Config {
    uint32_t merge;
    double eps;
    bool bias;
    kernel::Activation activation;
};

Result<Config> read(const JsonObject& c, const JsonObject& text) {
    Config o{};
    weft_ASSIGN(o.merge, c.count_or("spatial_merge_size", 2));
    if (o.merge > 64) return c.bad("spatial_merge_size", "must be at most 64");
    weft_ASSIGN(o.eps, epsilon_or(text, "rms_norm_eps", 1e-5));
    weft_ASSIGN(o.bias, c.boolean_or("multimodal_projector_bias", false));
    weft_ASSIGN(o.activation, activation_of(c, "projector_hidden_act", "gelu"));
    return o;
}

// In files [width, channel of the width, place in the rectangle]; rows side by side are the other way round.
WeightId merging(Builder& builder, const std::string& name, uint32_t width, uint32_t places) {
    const uint32_t in = width * places;
    WeightPiece piece{builder.names(name), {width, in}};
    for (uint32_t i = 0; i < in; ++i) piece.gather.push_back(uint64_t(i % width) * places + i / width);
    return builder.add({name, {width, in}, true, {piece}, {}, {}});
}

// The rows that stand for a picture, of the tower's patches.
Stage projector(Builder& builder, const Config& c, Stage& tower, uint32_t width) {
    const std::string at = "multi_modal_projector.";
    const uint32_t wide = tower.width, places = c.merge * c.merge;
    tower.streams.push_back({"normed", wide});
    tower.last.push_back({.pre = builder.rms(at + "norm.weight", wide, c.eps),
                          .branches = {{IdentitySpec{}}},
                          .write = 1,
                          .base = Base::none});
    const Linear merged{merging(builder, at + "patch_merger.merging_layer.weight", wide, places), kNoWeight,
                        wide * places, wide};
    const LinearSpec first{builder.linear(at + "linear_1", width, wide, c.bias), c.activation},
        second{builder.linear(at + "linear_2", width, width, c.bias)};
    return {.name = kProjector,
            .rows = {.of = RowSpace::Of::merged, .from = 0, .stream = 1, .down = c.merge, .across = c.merge},
            .when = When::given,
            .width = width,
            .streams = {{"rectangles", wide * places}, {"merged", wide}},
            .first = {{.read = {}, .branches = {{MergeSpec{}}}, .write = 1, .base = Base::none},
                      {.read = {1}, .branches = {{LinearSpec{merged}}}, .write = 2, .base = Base::none},
                      {.read = {2}, .branches = {{first}}, .base = Base::none},
                      {.branches = {{second}}, .base = Base::none}}};
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(TextAndTower both, text_and_tower(config, files, "pixtral", {"model.vision_tower.", "vision_tower."}));
    if (!both.has_tower) return both.text;
    Stage& tower = both.tower.stages[0];
    weft_TRY(read_feature_layer(config, tower, -1));
    weft_ASSIGN(const Config c, read(config, JsonObject(both.text_config, config.origin())));
    Builder builder(both.tower, files, {"model.", ""});
    Stage rows = projector(builder, c, tower, decoder_of(both.text).width);
    both.tower.stages.push_back(std::move(rows));
    weft_TRY(see(config, both.text, std::move(both.tower), "image_token_index", 10));
    return both.text;
}

// Pixtral 12B, whose patches are not merged, is a LLaVA.
Status complete(const ModelFiles& files, Json& whole, Json& preparing) {
    const GgufMetadata& metadata = *files.mmproj();
    Json& vision = whole["vision_config"];
    vision["model_type"] = "pixtral";
    weft_ASSIGN(vision["hidden_act"], gguf_tower_activation(metadata, "gelu"));
    if (!files.find("mm.patch_merger.weight")) {
        whole["model_type"] = "llava";
        whole["vision_feature_select_strategy"] = "full";
    }
    weft_ASSIGN(whole["spatial_merge_size"], metadata.count_or("clip.vision.spatial_merge_size", 1));
    whole["vision_feature_layer"] = -1;
    whole["multimodal_projector_bias"] = true;
    preparing = {{"image_processor_type", "PixtralImageProcessor"},
                 {"size", {{"longest_edge", vision["image_size"]}}},
                 {"patch_size", vision["patch_size"]}};
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{.model_types = {"mistral3"},
                                .title = "Mistral Small 3.1",
                                .traits = "a tower for pictures, whose patches stand among the tokens",
                                .schedule = schedule,
                                .tensors_not_read = {{"v.token_embd.img_break", "the text's table has it"}},
                                .towers = {{"pixtral", nullptr, complete}}};

} // namespace weft::detail::mistral3
