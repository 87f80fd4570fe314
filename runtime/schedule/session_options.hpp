// SPDX-License-Identifier: Apache-2.0
// L4: what a session may be asked for, and the sizes that follow: the one place that resolves them, for sessions and
// for what foresees them.
#pragma once
#include "schedule/plan.hpp"

namespace weft::detail {

struct SessionOptions {
    uint32_t context = 0;   ///< most tokens a sequence may have; 0: what the model was trained for, at most 4096
    uint32_t slots = 1;     ///< sequences at the same time
    uint32_t max_chunk = 0; ///< most new tokens of one prefill step, over all sequences; 0: chunk_for() the device
    /// Session::hold(): as many at the same time. Each is room for the constant states of one sequence more, and
    /// nothing for others.
    uint32_t held = 0;
    /// Most rows of one pass of the stages that run before steps, over all sequences: tokens of an encoder, patches of
    /// pictures or of sounds. 0: as many as an encoder's sequences may have; for encoders of texts the context, else
    /// 4096.
    uint32_t before = 0;
    /// Rows that those stages may leave a sequence: follows from the others.
    uint32_t memory = 0;
    DType kv_dtype = DType::f32;        ///< of caches: f32, f16 or q8_0
    std::vector<uint32_t> end_tokens;   ///< at most 16: a slot whose sampler row has kStops stops at them (decode())
    bool timestamps = false;            ///< time every call (Recording::call_times); costs a barrier a call
    double longest_submission_ms = 100; ///< a desktop's watchdog resets a device that is busy for seconds

    StateOptions states() const { return {context, max_chunk, kv_dtype, memory}; }
    /// For how many sequences there is room in a state.
    uint32_t rows_of(const StateLayout& state) const { return slots + (state.law == State::Law::constant ? held : 0); }
    /// The recording for `tokens` new ones in all, of up to `sequences`, that samples; 0: the largest of this session.
    Bucket prefill(uint32_t tokens = 0, uint32_t sequences = 0) const;
    Bucket decode(uint32_t sequences = 1) const;
    /// The recording of the stages that run before steps, for `rows` rows in all.
    Bucket ahead(uint32_t rows = 0, uint32_t sequences = 0) const;
    /// The most rows of everything that a step of the stage may have.
    Bucket largest(const Stage& stage) const;
};

/// Rows that the stages before steps may leave a sequence in a session of such options: as many as an encoder's rows of
/// pictures may be, else as many as the context has room for.
uint32_t memory_for(const Schedule& schedule, uint32_t before, uint32_t context);

/// The type of caches that was asked for; beside weights f16 where any of them takes 16 bits or fewer, else f32.
DType kv_type(CacheType asked, const std::vector<DeviceWeight>& weights);

/// That type's name; empty: the model keeps no keys and values.
std::string cache_name(const Schedule& schedule, DType kv);

/// A prefill step that fills the device's cores, with activations that are a small part of `memory` bytes and whose
/// widest rows can be bound. It follows from what the device is, not from what is free: sequences go from one session
/// to another with the same options.
uint32_t chunk_for(const vk::DeviceSummary& device, uint64_t memory, const Schedule& schedule);

/// With what was left open; fails where a session of this schedule cannot be so. Null: for no device in particular.
Result<SessionOptions> resolved(SessionOptions options, const Schedule& schedule, const vk::Device* device);

} // namespace weft::detail
