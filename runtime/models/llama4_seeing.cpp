// SPDX-License-Identifier: Apache-2.0
// L5: Llama 4 (Meta 2025) as a whole: rows of its tower among the tokens of its text.
#include "layers/merge.hpp"
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

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"llama4"},
    "Llama 4 with pictures",
    "a tower for pictures, squares of whose patches stand among the tokens",
    schedule,
    {},
    {},
    {{"boi_token_index", "a token like others"}, {"eoi_token_index", "a token like others"}}};

} // namespace weft::detail::llama4_seeing
