// SPDX-License-Identifier: Apache-2.0
// L2: the step block as kernels see it: the small tensors that change from step to step. Mirrors shaders/lib/step.glsl.
#pragma once
#include "vulkan/recorder.hpp"

namespace weft::kernel {

using vk::Extent;
using vk::Feature;
using vk::Quantity;
using vk::Recorder;
using vk::Tensor;
using vk::Threads;

/// Host mirror of the header's words; vk::Quantity numbers the first ones.
struct StepHeader {
    uint32_t reserved = 0;
    uint32_t tokens = 0, sequences = 0, outputs = 0, longest_new = 0, longest_total = 0;
    uint32_t ring = 0;
    uint32_t spare[9] = {};
};
static_assert(sizeof(StepHeader) == 64);

/// A sequence's row. `read` and `write`: which constant state the step reads, and which it writes; where they differ
/// the old state stays as it was. No other sequence of the step may read what this one writes.
struct StepSequence {
    uint32_t slot = 0, first = 0, count = 0, past = 0, length = 0, read = 0, write = 0;
    uint32_t spare = 0;
};
static_assert(sizeof(StepSequence) == 32);

/// Sizes in brackets are the bucket's; the header says how many are real in this step.
struct Step {
    Tensor header;         ///< u32 [16]: StepHeader
    Tensor sequences;      ///< u32 [S, 8]: StepSequence
    Tensor ids;            ///< u32 [T]: token ids
    Tensor positions;      ///< u32 [T]: position of each token in its sequence
    Tensor token_sequence; ///< u32 [T]: which sequence each token belongs to
    Tensor outputs;        ///< u32 [O]: indices of the tokens whose logits are wanted
    uint32_t max_tokens = 0, max_sequences = 0, max_outputs = 0;
    /// True if every sequence has exactly one new token: step forms of the kernels.
    bool decode = false;
};

/// Recorder::misfit of products and lookups.
inline constexpr const char* kRowTooLarge = "one row of a weight is larger than this device binds at once";

/// Fills `arguments` u32 [rows, 4] from `table` u32 [rows, 12] (vk::GridRow) and the step header;
/// must run before the dispatches that read it.
void grids(Recorder& r, const Tensor& header, const Tensor& table, const Tensor& arguments, uint32_t rows);

} // namespace weft::kernel
