// SPDX-License-Identifier: Apache-2.0
// L5: Qwen3-VL (Bai et al. 2025): a tower whose rows stand among the tokens of a Qwen3 with positions in time, down and
// across; rows of the tower's lower layers are added behind the decoder's first ones (DeepStack, Meng et al. 2024).
#include "layers/keep.hpp"
#include "layers/place.hpp"
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
    .pictures = PictureText{
        .mark = "<|image_pad|>", .alone = "<|vision_start|><|image_pad|><|vision_end|>", .each = "<|image_pad|>"}};

} // namespace weft::detail::qwen3_vl
