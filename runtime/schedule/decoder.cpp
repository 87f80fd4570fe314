// SPDX-License-Identifier: Apache-2.0
#include "schedule/decoder.hpp"

namespace weft::detail {

void add_decoder(Schedule& schedule, uint32_t width) {
    EmbedSpec embedding;
    embedding.rows = schedule.vocabulary;
    LinearSpec product;
    product.linear = {kNoWeight, kNoWeight, width, schedule.vocabulary};
    schedule.stages.push_back(
        {.name = kDecoder, .width = width, .first = {{.read = {}, .branches = {{embedding}}, .base = Base::none}}});
    const StageId decoder = StageId(schedule.stages.size()) - 1;
    schedule.stages.push_back({.name = kHead,
                               .rows = {.of = RowSpace::Of::wanted, .from = decoder},
                               .width = width,
                               .streams = {{kLogits, schedule.vocabulary}},
                               .first = {{.branches = {{product}}, .write = 1, .base = Base::none}}});
    schedule.outputs.push_back({kLogits, decoder + 1, 1});
}

bool is_decoder(const Schedule& schedule) {
    const auto holds = [](const std::vector<Block>& blocks, const auto* kind) {
        using Spec = std::remove_cvref_t<decltype(*kind)>;
        return blocks.size() == 1 && blocks[0].branches.size() == 1 && blocks[0].branches[0].op.as<Spec>();
    };
    const Stage *decoder = stage_of(schedule, kDecoder), *head = stage_of(schedule, kHead);
    return schedule.stages.size() == 2 && decoder && head && head->layers.empty() && head->last.empty() &&
           holds(decoder->first, static_cast<EmbedSpec*>(nullptr)) &&
           holds(head->first, static_cast<LinearSpec*>(nullptr));
}

} // namespace weft::detail
