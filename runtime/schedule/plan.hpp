// SPDX-License-Identifier: Apache-2.0
// L4: from a schedule to a Program: lowering of all layers for one bucket of sizes, the order of its calls, and packing
// of temporaries by lifetime.
#pragma once
#include "schedule/schedule.hpp"
#include "schedule/weights.hpp"
#include "vulkan/recorder.hpp"

namespace weft::detail {

/// Sizes a recording serves: any step within them replays it.
struct Bucket {
    uint32_t tokens = 1, sequences = 1, outputs = 1;
    bool decode = false; ///< one new token a sequence: step forms
    /// Logits are followed by sampling and the advance to the next step; output i must be the last token of sequence i.
    /// Of models that generate; others pass over it.
    bool sampling = false;
    bool taps = false;   ///< copies of residual streams: taps_of()
    bool before = false; ///< the stages that run before a step, once or when given, and not those of every step
    auto operator<=>(const Bucket&) const = default;

    /// Whether a stage belongs to such a recording, and the most rows it has.
    bool runs(const Stage& stage) const { return before == (stage.when != When::every_step); }
    uint32_t rows_of(const Schedule& schedule, StageId stage) const;
};

/// A copy of a stage's residual stream: as it enters the first layer (0), and behind layer `index`; that of the last
/// layer is behind what follows the layers, and where a head with a norm reads the wanted rows, it is what that norm
/// gives of them. One index further is what the last layer itself gives.
struct Tap {
    StageId stage = 0;
    uint32_t index = 0;
};
std::vector<Tap> taps_of(const Schedule& schedule, bool before);

/// The step block of a stage: kernel::Step.
struct StepBuffers {
    vk::Slice sequences, token_sequence;
    vk::Slice positions;       ///< those in the sequence, then those along each axis: position_stride() apart
    vk::Slice pictures, kinds; ///< of patches: LayerContext::Pictures
    vk::Slice places, spans;   ///< LayerContext::places, LayerContext::spans
    vk::Slice sides;           ///< LayerContext::sides
    vk::Slice turns;           ///< ViewRows::turns
    /// Rows of another stage: which of them. Views: the row of the stage at each place.
    vk::Slice index;
    vk::Slice inverse; ///< views: the place of each row of the stage
};

/// Words from a row of positions to the next: rows begin on the alignment of bound buffers.
inline uint32_t position_stride(uint32_t rows) { return (rows + 63) / 64 * 64; }

/// Device memory that all recordings of a session share.
struct SessionBuffers {
    vk::Slice headers;              ///< u32 [steps, kHeaderWords]
    std::vector<StepBuffers> steps; ///< by StageId, then those of views (step_of_view)
    std::vector<vk::Slice> inputs;  ///< by number in Schedule::inputs: u32 [tokens], or f32, numbers of pictures
    vk::Slice ends;
    std::vector<vk::Slice> outputs;   ///< by number in Schedule::outputs: f32 [rows, width]
    vk::Slice grid_arguments;         ///< u32 [kGridRows, 4]
    vk::Slice grid_table;             ///< vk::GridRow [kGridRows]: of the recording that is made
    vk::Slice sampler, history, ring; ///< see kernels/sample.hpp
    std::vector<vk::Slice> states;    ///< by StateId, [slots, ...]; constant ones [constant_rows, ...]
    std::vector<vk::Slice> taps;      ///< f32 [rows, width], in the order of taps_of()
    uint32_t slots = 0, constant_rows = 0, history_capacity = 0, ring_capacity = 0;
    uint32_t rows_of(const StateLayout& state) const {
        return state.law == State::Law::constant ? constant_rows : slots;
    }
};
inline constexpr uint32_t kGridRows = 512;
inline constexpr uint32_t kMostEnds = 16; ///< end tokens of a model

struct Plan {
    vk::Program program;
    uint64_t activation_bytes = 0; ///< arena needed for all temporaries
    std::vector<uint64_t> offsets; ///< of each temporary resource in that arena; unused for others
    /// Gives the temporaries their places in an arena.
    void place(const vk::Slice& arena);
};

/// Lowers the stages that run in the bucket: a segment for what comes before a stage's layers, then one a layer, then
/// one for what follows; sampling is the last. Fails (unsupported) with the first thing that this device cannot hold,
/// bind or dispatch.
Result<Plan> make_plan(const vk::Device& device, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
                       const SessionBuffers& buffers, const std::vector<StateLayout>& states, const Bucket& bucket);

/// A plan over buffers that do not exist, for one sequence of up to `context` tokens and `held` more rows of constant
/// states: lowering needs only shapes and types. `weights` are those of described_weight().
Result<Plan> dry_plan(const vk::Device& device, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
                      const std::vector<StateLayout>& states, const Bucket& bucket, uint32_t context,
                      uint32_t held = 0);

/// Whether a state of `rows` sequences can be allocated and bound: caches of keys and values in ranges of slots, the
/// others whole.
bool state_fits(const vk::Device& device, const StateLayout& state, uint32_t rows);

/// Offsets for temporaries such that no two that live at the same of the calls' levels overlap. Returns the bytes
/// needed.
uint64_t pack_temporaries(const vk::Program& program, std::span<const uint32_t> levels, std::vector<uint64_t>& offsets);

} // namespace weft::detail
