// SPDX-License-Identifier: Apache-2.0
// L2: the step block as kernels see it: the small tensors that change from step to step. Mirrors shaders/lib/step.glsl.
#pragma once
#include "vulkan/recorder.hpp"

namespace weft::detail::kernel {

using vk::Extent;
using vk::Feature;
using vk::Machine;
using vk::Recorder;
using vk::Tensor;
using vk::Threads;

/// Words of a step's header that grids depend on (vk::Extent::per).
struct Quantity {
    enum : uint32_t {
        one = 0,          ///< does not change
        tokens = 1,       ///< new tokens in the packed batch: rows
        sequences = 2,    ///< sequences in the packed batch
        outputs = 3,      ///< tokens whose logits are wanted
        longest_new = 4,  ///< most new tokens of one sequence
        longest_total = 5 ///< most tokens, past and new, of one sequence
    };
};
/// A program may have several steps, one a row space: their headers lie so far from each other in one tensor that each
/// can be bound alone.
inline constexpr uint32_t kHeaderWords = 64;

/// Host mirror of a header's first words.
struct StepHeader {
    uint32_t reserved = 0;
    uint32_t tokens = 0, sequences = 0, outputs = 0, longest_new = 0, longest_total = 0;
    uint32_t ring = 0;
    uint32_t spare[9] = {};
};
static_assert(sizeof(StepHeader) == 64);

/// A sequence's row. `read` and `write`: which constant state the step reads, and which it writes; where they differ
/// the old state stays as it was. No other sequence of the step may read what this one writes. `memory`: rows of what
/// cross attention reads.
struct StepSequence {
    uint32_t slot = 0, first = 0, count = 0, past = 0, length = 0, read = 0, write = 0, memory = 0;
};
static_assert(sizeof(StepSequence) == 32);

/// A place along an axis: before the first one, where rows are that a picture has before its patches. Rotary positions
/// take it for -1.
inline constexpr uint32_t kNowhere = ~0u;

/// Sizes in brackets are the bucket's; the header says how many are real in this step.
struct Step {
    Tensor header;    ///< u32 [16]: StepHeader
    Tensor sequences; ///< u32 [S, 8]: StepSequence
    Tensor ids;       ///< u32 [T]: token ids
    Tensor positions; ///< u32 [T]: position of each token in its sequence
    /// u32 [A, T]: positions along several axes: of patches how far down and across, extra rows are nowhere; of tokens
    /// among pictures as M-RoPE counts. Behind `positions` in memory, so that a row of both is as far from the next.
    Tensor axes;
    Tensor token_sequence; ///< u32 [T]: which sequence each token belongs to
    Tensor outputs;        ///< u32 [O]: indices of the tokens whose logits are wanted
    uint32_t max_tokens = 0, max_sequences = 0, max_outputs = 0;
    /// True if every sequence has exactly one new token: step forms of the kernels.
    bool decode = false;
};

/// Recorder::misfit of products and lookups.
inline constexpr const char* kRowTooLarge = "one row of a weight is larger than this device binds at once";

/// Fills `arguments` u32 [rows, 4] from `table` u32 [rows, 12] (vk::GridRow) and the headers of all steps, u32 [steps,
/// kHeaderWords]; must run before the dispatches that read it.
void grids(Recorder& r, const Tensor& headers, const Tensor& table, const Tensor& arguments, uint32_t rows);

} // namespace weft::detail::kernel
