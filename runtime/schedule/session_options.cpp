// SPDX-License-Identifier: Apache-2.0
#include "schedule/session_options.hpp"
#include <algorithm>
#include <bit>

namespace weft {
namespace {

constexpr uint32_t kDefaultContext = 4096; // a trained context can be a million tokens: its states would not fit
constexpr uint32_t kSmallestBucket = 16;   // tokens of a prefill recording, at least

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

DType kv_type_beside(WeightType weights) { return weights == WeightType::f16 ? DType::f16 : DType::f32; }

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
    if (takes_whole(schedule) || has_encoder(schedule)) // all tokens of a sequence in one step
        options.max_chunk = std::max(options.max_chunk, options.context);
    return options;
}

} // namespace weft
