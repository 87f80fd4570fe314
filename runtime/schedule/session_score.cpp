// SPDX-License-Identifier: Apache-2.0
// L4: what tokens cost by the logits of the last forward, computed where the logits are.
#include "kernels/score.hpp"
#include "schedule/decoder.hpp"
#include "schedule/session.hpp"
#include <algorithm>

namespace weft::detail {

// The recording belongs to the one that writes the logits, and serves all rows that it can have.
Result<Session::Scoring*> Session::scoring_of(Recorded& recorded) {
    if (recorded.scoring) return &*recorded.scoring;
    vk::Device& device = model_->device;
    const size_t output = output_of(model_->schedule, kLogits);
    const vk::Slice& logits = recorded.outputs[output];
    const auto columns = uint32_t(width_of(model_->schedule.outputs[output])),
               rows = uint32_t(logits.size / 4 / columns);
    weft_ASSIGN(const vk::Slice ids, activation_arena_.allocate(uint64_t(rows) * 4));
    weft_ASSIGN(const vk::Slice nats, host_arena_.allocate(uint64_t(rows) * 4));
    vk::Recorder r(device);
    kernel::score(r, {.logits = r.external(logits, DType::f32, {rows, columns}, "logits"),
                      .ids = r.external(ids, DType::u32, {rows}, "scored tokens"),
                      .y = r.external(nats, DType::f32, {rows}, "scores")});
    weft_ASSIGN(vk::Program program, r.finish());
    weft_TRY(device.pipelines().build(program.pipelines(), {}));
    weft_ASSIGN(vk::Program empty, vk::Recorder(device).finish());
    weft_ASSIGN(auto nothing, vk::Recording::create(device, std::move(empty)));
    weft_ASSIGN(auto recording, vk::Recording::create(device, std::move(program)));
    weft_ASSIGN(auto replay, Replay::create(device, std::move(nothing), std::move(recording)));
    return &recorded.scoring.emplace(Scoring{std::move(replay), ids, nats});
}

Result<std::vector<float>> Session::score(std::span<const uint32_t> ids) {
    const Schedule& s = model_->schedule;
    const size_t output = output_of(s, kLogits);
    if (output == s.outputs.size() || !last_ || before_)
        return Error{ErrorCode::invalid_argument, "there are no logits to score tokens by", {}};
    if (const uint64_t rows = real_rows(s.outputs[output].stage); ids.size() != rows)
        return Error{ErrorCode::invalid_argument,
                     std::to_string(ids.size()) + " tokens were given to score by the logits of " +
                         std::to_string(rows),
                     {}};
    for (const uint32_t id : ids)
        if (id >= width_of(s.outputs[output]) && id != kernel::kNoToken)
            return Error{ErrorCode::invalid_argument,
                         "token id " + std::to_string(id) + " is outside the vocabulary of " +
                             std::to_string(width_of(s.outputs[output])),
                         {}};
    weft_ASSIGN(Scoring* const scoring, scoring_of(*last_));
    std::vector<uint32_t> all(scoring->ids.size / 4, kernel::kNoToken);
    std::ranges::copy(ids, all.begin());
    weft_TRY(uploader_->put(scoring->ids, std::as_bytes(std::span(all))));
    weft_TRY(scoring->replay.run(1, options_.longest_submission_ms, *uploader_));
    std::vector<float> nats(ids.size());
    weft_TRY(uploader_->read(scoring->nats, std::as_writable_bytes(std::span(nats))));
    return nats;
}

} // namespace weft::detail
