// SPDX-License-Identifier: Apache-2.0
// L4: decoding: several steps a submission, whose tokens the device samples and feeds itself.
#include "schedule/session.hpp"
#include <algorithm>
#include <bit>
#include <numeric>

namespace weft::detail {

Status Session::decode(std::span<const uint32_t> slots, uint32_t steps, std::vector<std::vector<uint32_t>>& tokens) {
    tokens.assign(slots.size(), {});
    if (current_)
        return Error{
            ErrorCode::invalid_argument, "decode: a forward that was begun is not done; advance() it first", {}};
    for (uint32_t slot : slots) {
        if (slot >= options_.slots || !slots_[slot].sampled)
            return Error{ErrorCode::invalid_argument,
                         "decode: slot " + std::to_string(slot) + " has no sampled token to go on from",
                         {}};
        if (uint64_t(slots_[slot].length) + steps > options_.context)
            return Error{ErrorCode::invalid_argument,
                         "decode: the sequence would be " + std::to_string(slots_[slot].length + steps) +
                             " tokens long, the context is " + std::to_string(options_.context),
                         {}};
    }
    std::vector<StepFeed> feeds;
    std::vector<uint32_t> wanted;
    const Bucket bucket = options_.decode(uint32_t(slots.size()));
    weft_ASSIGN(last_, replay_for(bucket));
    before_ = false;
    const auto count = uint32_t(slots.size());
    rows_.assign(model_->schedule.stages.size(), count);
    std::vector<size_t> going(slots.size()); // which of `slots` have not ended
    std::iota(going.begin(), going.end(), 0);
    for (uint32_t done = 0; done < steps && !going.empty();) {
        const uint32_t now = std::min(steps - done, buffers_.ring_capacity);
        feeds.clear();
        wanted.clear();
        for (size_t i : going) {
            Slot& slot = slots_[slots[i]];
            slot.highest = std::max(slot.highest, slot.length + now);
            // Steps of decoding leave the history to the sampler that chose the token; others may have come there
            // since.
            if (slot.restored) weft_TRY(remember(slots[i], slot.length, {&slot.next, 1}));
            wanted.push_back(uint32_t(feeds.size()));
            feeds.push_back({.row = {.slot = slots[i],
                                     .count = 1,
                                     .past = slot.length,
                                     .length = std::max(slot.expected, slot.length + 1),
                                     .memory = slot.memory},
                             .ids = {&slot.next, 1}});
            turn(feeds.back(), slot.placement);
        }
        weft_TRY(move_states(feeds));
        weft_TRY(write_step(bucket, feeds, wanted));
        weft_TRY(last_->replay.run(now, options_.longest_submission_ms, *uploader_));
        std::vector<uint32_t> ring(size_t(buffers_.ring_capacity) * bucket.outputs);
        weft_TRY(uploader_->read(buffers_.ring, std::as_writable_bytes(std::span(ring))));
        for (uint32_t k = 0; k < now; ++k) { // row k holds the tokens of those that had not ended by then, in order
            for (size_t j = 0; j < going.size(); ++j) {
                Slot& slot = slots_[slots[going[j]]];
                ++slot.length;
                tokens[going[j]].push_back(slot.next = ring[size_t(k) * bucket.outputs + j]);
                slot.sampled = slot.next != kernel::kNoToken;
            }
            std::erase_if(going, [&](size_t i) { return ends_here(slots_[slots[i]]); });
        }
        done += now;
    }
    return Ok{};
}

bool Session::ends_here(const Slot& slot) const {
    if (!slot.sampled) return true;
    return (slot.sampler.flags & kernel::SamplerRow::kStops) &&
           std::find(options_.end_tokens.begin(), options_.end_tokens.end(), slot.next) != options_.end_tokens.end();
}

} // namespace weft::detail
