// SPDX-License-Identifier: Apache-2.0
// L5: Llama 4 (Meta 2025) as a whole: rows of its tower among the tokens of its text.
#include "layers/merge.hpp"
#include "models/gguf_tower.hpp"
#include "models/picture_parts.hpp"

namespace weft::detail::llama4_seeing {
namespace {

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(TextAndTower both,
                text_and_tower(config, files, "llama4_vision_model", {"model.vision_model.", "vision_model."}));
    if (!both.has_tower) return both.text;
    Builder builder(both.tower, files, {"model.", ""});
    const Stage& rows = both.tower.stages.back();
    const uint32_t wide = rows.width, width = decoder_of(both.text).width;
    const Linear product = builder.linear("multi_modal_projector.linear_1", width, wide);
    both.tower.stages.push_back(
        {.name = kProjector,
         .rows = {.of = RowSpace::Of::merged, .from = StageId(both.tower.stages.size()) - 1, .down = 1, .across = 1},
         .width = width,
         .streams = {{"adapted", wide}},
         .first = {{.read = {}, .branches = {{MergeSpec{}}}, .write = 1, .base = Base::none},
                   {.read = {1}, .branches = {{LinearSpec{product}}}, .base = Base::none}}});
    weft_TRY(see(config, both.text, std::move(both.tower), "image_token_index", 200092));
    return both.text;
}

Status complete(const ModelFiles& files, Json& whole, Json& preparing) {
    const GgufMetadata& metadata = *files.mmproj();
    Json& vision = whole["vision_config"];
    vision["model_type"] = "llama4_vision_model";
    weft_ASSIGN(const uint32_t merge, metadata.count_or("clip.vision.projector.scale_factor", 2));
    vision["pixel_shuffle_ratio"] = 1.0 / merge;
    for (const auto& [key, name] :
         {std::pair{"projector_input_dim", "mm.model.mlp.1.weight"}, {"projector_output_dim", "mm.model.mlp.2.weight"}})
        if (const TensorView* product = files.find(name); product && !product->shape.empty())
            vision[key] = product->shape[0];
    weft_ASSIGN(const uint32_t pieces, metadata.count_or("clip.vision.preproc_max_tiles", 16));
    preparing = {
        {"image_processor_type", "Llama4ImageProcessor"}, {"size", gguf_square(vision)}, {"max_patches", pieces}};
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    .model_types = {"llama4"},
    .title = "Llama 4 with pictures",
    .traits = "a tower for pictures, squares of whose patches stand among the tokens",
    .schedule = schedule,
    .keys_not_read = {{"boi_token_index", "a token like others"}, {"eoi_token_index", "a token like others"}},
    .pictures = PictureText{.mark = "<|image|>",
                            .alone = "<|image|>",
                            .before = "<|image_start|>",
                            .each = "<|patch|>",
                            .after = "<|image_end|>",
                            .piece_end = "<|tile_x_separator|>",
                            .pieces_end = "<|tile_y_separator|>",
                            .whole = "<|image|>"},
    .towers = {{"llama4", "llama4_text", complete, {{"multi_modal_projector.linear_1", "mm.model.fc"}}}}};

} // namespace weft::detail::llama4_seeing
