// SPDX-License-Identifier: Apache-2.0
#include "models/encoder_parts.hpp"
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

} // namespace weft
