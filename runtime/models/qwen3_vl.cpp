// SPDX-License-Identifier: Apache-2.0
// L5: Qwen3-VL (Bai et al. 2025): a tower whose rows stand among the tokens of a Qwen3 with positions in time, down and
// across; rows of the tower's lower layers are added behind the decoder's first ones (DeepStack, Meng et al. 2024).
#include "layers/keep.hpp"
#include "layers/place.hpp"
#include "models/gguf_tower.hpp"
#include "models/picture_parts.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::qwen3_vl {
namespace {

// Interleaved M-RoPE: the pairs take their positions from time, row and column in turn, until those of a row and of a
// column are as many as their sections say.
Status turn_interleaved(const JsonObject& text, Schedule& schedule) {
    weft_ASSIGN(const Json parameters, rope_parameters(text, 500000));
    const JsonObject rope = rope_view(text, parameters);
    std::vector<double> sections = {24, 20, 20};
    if (rope.has("mrope_section")) {
        weft_ASSIGN(sections, rope.numbers("mrope_section"));
    }
    if (sections.size() != 3 ||
        std::ranges::any_of(sections, [](double n) { return !(n >= 0 && n <= 65536) || n != std::floor(n); }))
        return rope.bad("mrope_section", "must be three whole numbers from 0 to 65536");
    turn_by_axes(schedule, [&](uint32_t pair) -> uint32_t {
        const uint32_t axis = pair % 3;
        return axis && pair < 3 * sections[axis] ? axis : 0;
    });
    return Ok{};
}

// Behind layer i of the decoder.
void add_rows(Stage& decoder, uint32_t i, const std::string& memory) {
    Block block{.branches = {{PlaceSpec{memory, true, decoder.width}}}};
    if (i + 1 < decoder.layers.size()) {
        auto& blocks = decoder.layers[i + 1].blocks;
        blocks.insert(blocks.begin(), std::move(block));
    } else decoder.last.insert(decoder.last.begin(), std::move(block));
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(TextAndTower both, text_and_tower(config, files, "qwen3_vl_vision", {"model.visual.", "visual."}));
    if (!both.has_tower) return both.text;
    weft_ASSIGN(const JsonObject text, config.object("text_config"));
    weft_TRY(turn_interleaved(text.changed(both.text_config), both.text));
    Stage& decoder = decoder_of(both.text);
    const auto deep = uint32_t(both.tower.stages.size()) - 2; // between the layers and the projector
    if (deep > decoder.layers.size())
        return config.bad("vision_config", "has more of deepstack_visual_indexes than text_config has layers");
    for (uint32_t i = 0; i < deep; ++i) {
        Stage& rows = both.tower.stages[i + 1];
        rows.last.push_back({.branches = {{KeepSpec{rows.name, rows.width}}}, .base = Base::none});
        add_rows(decoder, i, rows.name);
    }
    weft_TRY(see(config, both.text, std::move(both.tower), "image_token_id", 151655));
    for (uint32_t i = 0; i < deep; ++i) both.text.outputs.push_back({deep_stack(i), StageId(i + 1)});
    return both.text;
}

// Of those layers whose rows are merged too the text says how many.
Result<Json> deep_layers(const ModelFiles& files, uint32_t layers) {
    const GgufMetadata& metadata = *files.mmproj();
    const char* const key = "clip.vision.is_deepstack_layers";
    Json deep = Json::array();
    if (metadata.has(key)) {
        weft_ASSIGN(const auto truths, metadata.integers(key));
        if (truths.size() != layers) return metadata.bad(key, "must have an entry for each layer");
        for (uint32_t i = 0; i < layers; ++i)
            if (truths[i]) deep.push_back(i);
    }
    weft_ASSIGN(const int64_t count, files.gguf()->integer_or("qwen3vl.n_deepstack_layers", int64_t(deep.size())));
    if (count != int64_t(deep.size()))
        return metadata.bad(key, "names " + std::to_string(deep.size()) +
                                     " layers, and qwen3vl.n_deepstack_layers of " + files.gguf()->origin() + " is " +
                                     std::to_string(count) + ": the two are not of one model");
    return deep;
}

Status complete(const ModelFiles& files, Json& whole, Json& preparing) {
    const GgufMetadata& metadata = *files.mmproj();
    Json& vision = whole["vision_config"];
    vision["model_type"] = "qwen3_vl_vision";
    vision["depth"] = vision["num_hidden_layers"];
    vision["num_heads"] = vision["num_attention_heads"];
    vision["out_hidden_size"] = whole["text_config"]["hidden_size"];
    weft_ASSIGN(vision["hidden_act"], gguf_tower_activation(metadata, "gelu_pytorch_tanh"));
    weft_ASSIGN(const uint32_t merge, metadata.count_or("clip.vision.spatial_merge_size", 2));
    vision["spatial_merge_size"] = merge;
    const TensorView* positions = files.find("v.position_embd.weight");
    if (positions && !positions->shape.empty()) vision["num_position_embeddings"] = positions->shape[0];
    weft_ASSIGN(vision["deepstack_visual_indexes"], deep_layers(files, vision["depth"]));
    // As the models' own files have it; the most that llama.cpp shows them is the most that weft does.
    const uint32_t patch = vision["patch_size"];
    const uint64_t pixels = uint64_t(merge) * merge * patch * patch;
    weft_ASSIGN(const int64_t least, metadata.integer_or("clip.vision.image_min_pixels", int64_t(64 * pixels)));
    weft_ASSIGN(const int64_t most, metadata.integer_or("clip.vision.image_max_pixels", int64_t(4096 * pixels)));
    preparing = {{"image_processor_type", "Qwen2VLImageProcessor"},
                 {"size", {{"shortest_edge", least}, {"longest_edge", most}}},
                 {"patch_size", patch},
                 {"merge_size", merge}};
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    .model_types = {"qwen3_vl"},
    .title = "Qwen3-VL",
    .traits =
        "a tower for pictures, rows of several of its layers among the tokens; positions in time, down and across",
    .schedule = schedule,
    .keys_not_read = {{"video_token_id", "films are not read"},
                      {"vision_start_token_id", "a token like others"},
                      {"vision_end_token_id", "a token like others"}},
    .pictures = PictureText{.mark = "<|image_pad|>",
                            .alone = "<|vision_start|><|image_pad|><|vision_end|>",
                            .each = "<|image_pad|>"},
    .towers = {{"qwen3vl_merger", "qwen3_vl_text", complete}}};

} // namespace weft::detail::qwen3_vl
