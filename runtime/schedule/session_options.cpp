// SPDX-License-Identifier: Apache-2.0
#include "schedule/session_options.hpp"
#include <algorithm>
#include <bit>

namespace weft::detail {
namespace {

constexpr uint32_t kDefaultContext = 4096;  // a trained context can be a million tokens: its states would not fit
constexpr uint32_t kPatches = 4096;         // of a picture, or of several
constexpr uint32_t kLargestStep = 1u << 30; // the next power of two is a number, too
constexpr uint32_t kSmallestBucket = 16;    // tokens of a prefill recording, at least

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

Result<SessionOptions> resolved(SessionOptions options, const Schedule& schedule) {
    if (options.context == 0)
        options.context =
            schedule.trained_context ? std::min(schedule.trained_context, kDefaultContext) : kDefaultContext;
    if (schedule.position_limit && options.context > schedule.position_limit)
        return Error{ErrorCode::invalid_argument,
                     "a context of " + std::to_string(options.context) +
                         " tokens was asked for, but the model has learned positions for " +
                         std::to_string(schedule.position_limit),
                     {}};
    if (options.slots == 0 || options.max_chunk == 0)
        return Error{
            ErrorCode::invalid_argument, "a session needs at least one slot and a chunk of at least one token", {}};
    if (options.held > UINT32_MAX - options.slots)
        return Error{ErrorCode::invalid_argument, "slots and held must be below 2^32 together", {}};
    if (takes_whole(schedule)) options.max_chunk = std::max(options.max_chunk, options.context); // all in one step
    if (!options.before) options.before = has_encoder(schedule) ? options.context : kPatches;
    if (const uint32_t largest = std::max({options.max_chunk, options.before, options.slots}); largest > kLargestStep)
        return Error{ErrorCode::invalid_argument,
                     "a step of " + std::to_string(largest) + " rows was asked for; weft takes at most " +
                         std::to_string(kLargestStep),
                     {}};
    return options;
}

} // namespace weft::detail
