// SPDX-License-Identifier: Apache-2.0
#include "models/encoder_parts.hpp"
#include "layers/identity.hpp"
#include <algorithm>

namespace weft {

Stage& add_encoder(Schedule& schedule, uint32_t width, WeightId table) {
    EmbedSpec embedding;
    embedding.rows = schedule.vocabulary;
    embedding.table = table;
    schedule.stages.push_back(
        {.name = kEncoder, .width = width, .first = {{.read = {}, .branches = {{embedding}}, .base = Base::none}}});
    return schedule.stages.back();
}

Result<uint32_t> first_position(const JsonObject& config, int64_t padding) {
    weft_ASSIGN(const int64_t id, config.integer_or("pad_token_id", padding));
    weft_ASSIGN(const uint32_t vocabulary, config.count("vocab_size"));
    if (id < 0 || id >= int64_t(vocabulary)) return config.bad("pad_token_id", "must be a token's id");
    return uint32_t(id) + 1;
}

Block final_norm(const Norm& norm) { return {.pre = norm, .branches = {{IdentitySpec{}}}, .base = Base::none}; }

bool has_masked_head(const JsonObject& config, const Builder& builder, const ModelFiles& files,
                     const std::string& tensor) {
    if (!files.tensors().empty()) return builder.has(tensor);
    const auto classes = config.strings("architectures");
    return classes && std::ranges::any_of(*classes, [](const std::string& name) {
               return name.ends_with("ForMaskedLM") || name.ends_with("ForPreTraining");
           });
}

void add_masked_head(Schedule& schedule, const Linear& transform, kernel::Activation activation, const Norm& norm,
                     const Linear& logits) {
    const StageId encoder = StageId(schedule.stages.size()) - 1;
    const uint32_t width = schedule.stages[encoder].width;
    schedule.stages.push_back(
        {.name = kHead,
         .rows = {.of = RowSpace::Of::wanted, .from = encoder},
         .width = width,
         .streams = {{kLogits, schedule.vocabulary}},
         .first = {{.branches = {{LinearSpec{transform, activation}}}, .base = Base::none, .after = norm},
                   {.branches = {{LinearSpec{logits}}}, .write = 1, .base = Base::none}}});
    schedule.outputs.push_back({kLogits, encoder + 1, 1});
}

WeightId picture_weight(Builder& builder, const std::string& name, uint32_t width, const PatchGrid& grid) {
    WeightPiece piece{builder.names(name), {width, grid.channels, grid.patch_y, grid.patch_x}};
    return builder.add({name, {width, grid.columns()}, true, {piece}, {}, {}});
}

WeightId patch_rows(Builder& builder, const std::vector<std::string>& extra, const std::string& bias, uint32_t width) {
    WeightSlot slot{bias + " and rows", {uint32_t(extra.size()) + 1, width}, false, {}, {}, {}};
    for (const std::string& name : extra) slot.pieces.push_back({builder.names(name), {width}});
    slot.pieces.push_back({builder.names(bias), {width}, 0, 0, WeightTransform::or_zeros});
    return builder.add(std::move(slot));
}

Result<uint32_t> label_count(const JsonObject& config, const Builder& builder, const std::string& tensor) {
    if (const TensorView* view = builder.find(tensor)) return uint32_t(view->shape.empty() ? 0 : view->shape[0]);
    const auto classes = config.strings("architectures");
    if (!classes || std::ranges::none_of(*classes, [](const std::string& c) { return c.ends_with("Classification"); }))
        return 0u;
    if (config.has("id2label")) {
        weft_ASSIGN(const JsonObject labels, config.object("id2label"));
        return uint32_t(labels.json().size());
    }
    return 2u; // what config classes take
}

void add_classifier(Schedule& schedule, RowSpace::Of rows, const Norm& norm, const Linear& product) {
    const StageId from = StageId(schedule.stages.size()) - 1;
    schedule.stages.push_back(
        {.name = kHead,
         .rows = {.of = rows, .from = from},
         .width = product.in,
         .streams = {{kLogits, product.out}},
         .first = {{.pre = norm, .branches = {{LinearSpec{product}}}, .write = 1, .base = Base::none}}});
    schedule.outputs.push_back({kLogits, from + 1, 1});
}

} // namespace weft
