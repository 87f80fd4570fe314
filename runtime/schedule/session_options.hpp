// SPDX-License-Identifier: Apache-2.0
// L4: what a session may be asked for, and the sizes that follow: the one place that resolves them, for sessions and
// for what foresees them.
#pragma once
#include "schedule/plan.hpp"

namespace weft {

struct SessionOptions {
    uint32_t context = 0;     ///< most tokens a sequence may have; 0: what the model was trained for, at most 4096
    uint32_t slots = 1;       ///< sequences at the same time
    uint32_t max_chunk = 256; ///< most new tokens of one prefill step, over all sequences
    /// Most rows of one pass of the stages that run before steps, and of what they leave a sequence: tokens of an
    /// encoder, patches of pictures. 0: the context for encoders, else 4096.
    uint32_t before = 0;
    DType kv_dtype = DType::f32;
    std::vector<uint32_t> end_tokens;   ///< at most 16: a slot whose sampler row has kStops stops at them (decode())
    bool timestamps = false;            ///< time every call (Recording::call_times); costs a barrier a call
    double longest_submission_ms = 100; ///< a desktop's watchdog resets a device that is busy for seconds

    StateOptions states() const { return {context, max_chunk, kv_dtype, before}; }
    /// The recording for `tokens` new ones in all, of up to `sequences`, that samples; 0: the largest of this session.
    Bucket prefill(uint32_t tokens = 0, uint32_t sequences = 0) const;
    Bucket decode(uint32_t sequences = 1) const;
    /// The recording of the stages that run before steps, for `rows` rows in all.
    Bucket ahead(uint32_t rows = 0, uint32_t sequences = 0) const;
    /// The most rows of everything that a step of the stage may have.
    Bucket largest(const Stage& stage) const;
};

/// The type of caches beside weights that were asked for in a type.
DType kv_type_beside(WeightType weights);

/// With what was left open; fails where a session of this schedule cannot be so.
Result<SessionOptions> resolved(SessionOptions options, const Schedule& schedule);

} // namespace weft
