// SPDX-License-Identifier: Apache-2.0
// L5: Gemma 3 (Gemma team 2025) as a whole: SigLIP's tower, means of whose patches stand among the tokens; those of a
// picture see each other.
#include "layers/merge.hpp"
#include "models/gguf_tower.hpp"
#include "models/picture_parts.hpp"
#include <cmath>

namespace weft::detail::gemma3 {
namespace {

// A square of so many patches, down and across, becomes one token.
Result<uint32_t> square(const JsonObject& config, const JsonObject& vision) {
    weft_ASSIGN(const uint32_t tokens, config.count_or("mm_tokens_per_image", 256));
    const auto side = uint32_t(std::sqrt(double(tokens)));
    if (side * side != tokens) return config.bad("mm_tokens_per_image", "must be a square");
    weft_ASSIGN(const SquarePatches patches, read_square_patches(vision, 16, 0, 1024));
    if (patches.side % side)
        return config.bad("mm_tokens_per_image", "must be the square of a number that divides the " +
                                                     std::to_string(patches.side) + " patches of a side");
    return patches.side / side;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(TextAndTower both,
                text_and_tower(config, files, "siglip_vision_model", {"model.vision_tower.", "vision_tower."}));
    if (!both.has_tower) return both.text;
    weft_ASSIGN(const JsonObject vision, config.object("vision_config"));
    weft_ASSIGN(const uint32_t merge, square(config, vision));
    weft_ASSIGN(const double eps, epsilon_or(vision, "layer_norm_eps", 1e-6));
    const StreamId rows = both.tower.outputs[output_of(both.tower, kLastHidden)].stream;
    both.tower.stages.resize(1);
    const uint32_t wide = both.tower.stages[0].width, width = decoder_of(both.text).width;
    Builder builder(both.tower, files, {"model.", ""});
    const std::string at = "multi_modal_projector.mm_";
    const Norm norm = builder.rms(at + "soft_emb_norm.weight", wide, eps, true);
    const Linear product{builder.transposed(at + "input_projection_weight", width, wide), kNoWeight, wide, width};
    both.tower.stages.push_back(
        {.name = kProjector,
         .rows = {.of = RowSpace::Of::merged, .from = 0, .stream = rows, .down = merge, .across = merge},
         .width = width,
         .streams = {{"means", wide}},
         .first = {{.read = {}, .branches = {{MergeSpec{.mean = true}}}, .write = 1, .base = Base::none},
                   {.read = {1}, .pre = norm, .branches = {{LinearSpec{product}}}, .base = Base::none}}});
    decoder_of(both.text).rows.spans = true;
    weft_TRY(see(config, both.text, std::move(both.tower), "image_token_index", 262144));
    return both.text;
}

Status complete(const ModelFiles& files, Json& whole, Json& preparing) {
    const GgufMetadata& metadata = *files.mmproj();
    Json& vision = whole["vision_config"];
    vision["model_type"] = "siglip_vision_model";
    vision["vision_use_head"] = false;
    weft_ASSIGN(vision["hidden_act"], gguf_tower_activation(metadata, "gelu_pytorch_tanh"));
    weft_ASSIGN(const uint32_t merge, metadata.count_or("clip.vision.projector.scale_factor", 4));
    const uint32_t patches = vision["image_size"].get<uint32_t>() / vision["patch_size"].get<uint32_t>();
    if (!patches || patches % merge || patches > 1024)
        return metadata.bad("clip.vision.projector.scale_factor", "must divide the " + std::to_string(patches) +
                                                                      " patches of a side, which are at most 1024");
    whole["mm_tokens_per_image"] = (patches / merge) * (patches / merge);
    preparing = {{"image_processor_type", "Gemma3ImageProcessor"}, {"size", gguf_square(vision)}};
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    .model_types = {"gemma3"},
    .title = "Gemma 3 with pictures",
    .traits = "means of a tower's patches among the tokens; those of a picture see each other",
    .schedule = schedule,
    .keys_not_read = {{"boi_token_index", "a token like others"}, {"eoi_token_index", "a token like others"}},
    .pictures = PictureText{.mark = "<start_of_image>",
                            .alone = "<start_of_image>",
                            .before = "\n\n<start_of_image>",
                            .each = "<image_soft_token>",
                            .after = "<end_of_image>\n\n"},
    .towers = {{"gemma3", "gemma3_text", complete}}};

} // namespace weft::detail::gemma3
