// SPDX-License-Identifier: Apache-2.0
#include "schedule/session_options.hpp"
#include "schedule/weight_rows.hpp"
#include <algorithm>
#include <bit>

namespace weft::detail {
namespace {

constexpr uint32_t kDefaultContext = 4096;  // a trained context can be a million tokens: its states would not fit
constexpr uint32_t kPatches = 4096;         // of a picture, or of several
constexpr uint32_t kLargestStep = 1u << 30; // the next power of two is a number, too
constexpr uint32_t kSmallestBucket = 16;    // tokens of a prefill recording, at least
constexpr uint32_t kSmallestChunk = 256;

// Bytes of the widest row that a token has anywhere, but for logits, which few tokens have.
uint64_t widest_row(const Schedule& schedule) {
    constexpr uint64_t kExperts = 8; // of a token
    uint64_t widest = 0;
    for (const Stage& stage : schedule.stages) widest = std::max<uint64_t>(widest, stage.width);
    for (const WeightSlot& slot : schedule.weights) {
        if (!slot.matrix || slot.shape.size() < 2) continue;
        const uint64_t rows = slot.shape[slot.shape.size() - 2];
        if (rows < schedule.vocabulary) widest = std::max(widest, rows * std::min(kExperts, matrices_of(slot)));
    }
    return widest * 4;
}

// Rows that an encoder may leave a sequence; 0: there is no encoder, or no limit.
uint64_t most_left(const Schedule& schedule) {
    const StageId leaving = remembered_stage(schedule);
    return leaving == kNoStage ? 0 : schedule.stages[leaving].rows.most;
}

} // namespace

Bucket SessionOptions::prefill(uint32_t tokens, uint32_t sequences) const {
    const uint32_t rows = std::bit_ceil(sequences ? sequences : slots);
    return {.tokens = std::max(kSmallestBucket, std::bit_ceil(tokens ? tokens : max_chunk)),
            .sequences = rows,
            .outputs = rows,
            .sampling = true};
}

Bucket SessionOptions::decode(uint32_t sequences) const {
    const uint32_t rows = std::bit_ceil(sequences);
    return {.tokens = rows, .sequences = rows, .outputs = rows, .decode = true, .sampling = true};
}

Bucket SessionOptions::ahead(uint32_t rows, uint32_t sequences) const {
    Bucket bucket = prefill(rows ? rows : before, sequences);
    bucket.before = true;
    bucket.sampling = false;
    return bucket;
}

Bucket SessionOptions::largest(const Stage& stage) const {
    const uint32_t rows = std::max(stage.when == When::every_step ? max_chunk : before, slots);
    Bucket bucket = prefill(rows);
    bucket.outputs = bucket.tokens;
    return bucket;
}

uint32_t memory_for(const Schedule& schedule, uint32_t before, uint32_t context) {
    return most_left(schedule) ? uint32_t(most_left(schedule)) : std::min(before, context);
}

DType kv_type(CacheType asked, const std::vector<DeviceWeight>& weights) {
    switch (asked) {
    case CacheType::f32: return DType::f32;
    case CacheType::f16: return DType::f16;
    case CacheType::q8_0: return DType::q8_0;
    case CacheType::beside_weights: break;
    }
    const auto whole = [](const DeviceWeight::Part& part) { return !in_blocks(part.dtype) && size_of(part.dtype) > 2; };
    return std::ranges::all_of(weights, [&](const DeviceWeight& w) { return std::ranges::all_of(w.parts, whole); })
               ? DType::f32
               : DType::f16;
}

std::string cache_name(const Schedule& schedule, DType kv) {
    return std::ranges::any_of(schedule.states, &State::cache) ? name_of(kv) : "";
}

uint32_t chunk_for(const vk::DeviceSummary& device, uint64_t memory, const Schedule& schedule) {
    constexpr uint64_t kGiB = uint64_t(1) << 30;
    constexpr uint64_t kRows = 4, kShare = 16; // such rows that live at the same time; their share of the memory
    uint32_t chunk = kSmallestChunk;
    if (device.type == "discrete") chunk = memory >= 12 * kGiB ? 2048 : 1024;
    if ((device.type == "integrated" || device.type == "virtual") && memory >= 8 * kGiB) chunk = 512;
    const uint64_t row = widest_row(schedule);
    while (chunk > kSmallestChunk &&
           (chunk * row > device.limits.storage_range || chunk * row * kRows > memory / kShare))
        chunk /= 2;
    return chunk;
}

Result<SessionOptions> resolved(SessionOptions options, const Schedule& schedule, const vk::Device* device) {
    if (options.context == 0)
        options.context =
            schedule.trained_context ? std::min(schedule.trained_context, kDefaultContext) : kDefaultContext;
    if (schedule.position_limit && options.context > schedule.position_limit)
        return Error{ErrorCode::invalid_argument,
                     "a context of " + std::to_string(options.context) +
                         " tokens was asked for, but the model reaches " + std::to_string(schedule.position_limit),
                     {}};
    if (options.slots == 0) return Error{ErrorCode::invalid_argument, "a session needs at least one slot", {}};
    if (options.held > UINT32_MAX - options.slots)
        return Error{ErrorCode::invalid_argument, "slots and held must be below 2^32 together", {}};
    if (options.max_chunk == 0) { // no more than all slots can hold
        const uint64_t all = std::max<uint64_t>(kSmallestChunk, uint64_t(options.slots) * options.context);
        const uint32_t suits = device ? chunk_for(device->summary(), device->memory_bytes(), schedule) : kSmallestChunk;
        options.max_chunk = std::max(options.slots, uint32_t(std::min<uint64_t>(suits, all)));
    }
    if (takes_whole(schedule)) options.max_chunk = std::max(options.max_chunk, options.context); // all in one step
    const StageId leaving = remembered_stage(schedule);
    if (!options.before && most_left(schedule)) {
        const uint64_t all = most_left(schedule) * patches_of_a_row(schedule, leaving) * options.slots;
        options.before = uint32_t(std::min<uint64_t>(all, UINT32_MAX));
    }
    const bool text = leaving != kNoStage && !schedule.stages[leaving].rows.placed();
    if (!options.before) options.before = text ? options.context : kPatches;
    options.memory = memory_for(schedule, options.before, options.context);
    if (const uint32_t largest = std::max({options.max_chunk, options.before, options.slots}); largest > kLargestStep)
        return Error{ErrorCode::invalid_argument,
                     "a step of " + std::to_string(largest) + " rows was asked for; weft takes at most " +
                         std::to_string(kLargestStep),
                     {}};
    return options;
}

} // namespace weft::detail
