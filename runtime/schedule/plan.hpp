// SPDX-License-Identifier: Apache-2.0
// L4: from a schedule to a Program: lowering of all layers for one bucket of sizes,
// and packing of temporaries by lifetime.
#pragma once
#include "schedule/schedule.hpp"
#include "schedule/weights.hpp"
#include "vulkan/recorder.hpp"

namespace weft {

/// Sizes a recording serves: any step within them replays it.
struct Bucket {
    uint32_t tokens = 1, sequences = 1, outputs = 1;
    bool decode = false; ///< one new token a sequence: step forms
    /// The head is followed by sampling and the advance to the next step; output i must be
    /// the last token of sequence i.
    bool sampling = false;
    bool taps = false; ///< copies of the residual stream after the embedding, every layer and the final norm
    auto operator<=>(const Bucket&) const = default;
};

/// Device memory that all recordings of a session share.
struct SessionBuffers {
    vk::Slice header, sequences, ids, positions, token_sequence, outputs, ends; ///< the step block
    vk::Slice logits;                                                           ///< f32 [outputs, vocabulary]
    vk::Slice grid_arguments;                                                   ///< u32 [kGridRows, 4]
    vk::Slice sampler, history, ring;                                           ///< see kernels/sample.hpp
    std::vector<vk::Slice> states;                                              ///< by StateId, [slots, ...]
    std::vector<vk::Slice> taps;                                                ///< f32 [tokens, width]: layers + 1
    uint32_t slots = 0, history_capacity = 0, ring_capacity = 0;
};
inline constexpr uint32_t kGridRows = 512;
inline constexpr uint32_t kMostEnds = 16; ///< end tokens of a model

struct Plan {
    vk::Program program;
    uint64_t activation_bytes = 0; ///< arena needed for all temporaries
    std::vector<uint64_t> offsets; ///< of each temporary resource in that arena; unused for others
};

/// Lowers the schedule: the first segment holds the embedding, then one segment a layer, then the head (and sampling in
/// decode). Fails (unsupported) with the first thing that this device cannot hold, bind or dispatch.
Result<Plan> make_plan(const vk::Device& device, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
                       const SessionBuffers& buffers, const std::vector<StateLayout>& states, const Bucket& bucket);

/// A plan over buffers that do not exist, for one sequence of up to `context` tokens: lowering needs only shapes and
/// types. `weights` are those of described_weight().
Result<Plan> dry_plan(const vk::Device& device, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
                      const std::vector<StateLayout>& states, const Bucket& bucket, uint32_t context);

/// Whether the states of `slots` sequences can be allocated and bound: caches of keys and
/// values in ranges of slots, the others whole.
bool state_fits(const vk::Device& device, const StateLayout& state, uint32_t slots);

/// Offsets for temporaries such that no two that live at the same time overlap. Returns the bytes needed.
uint64_t pack_temporaries(const vk::Program& program, std::vector<uint64_t>& offsets);

} // namespace weft
