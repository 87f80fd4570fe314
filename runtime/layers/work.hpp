// SPDX-License-Identifier: Apache-2.0
// L3: the least that a step moves and computes: what measured times are held against.
#pragma once
#include "base/dtype.hpp"
#include "layers/spec.hpp"

namespace weft::detail {

struct Work {
    /// Weights, once for each block that uses them (of experts, as many as the tokens can choose);
    /// states as they are read and written; no activations.
    uint64_t bytes = 0;
    /// Multiply-adds counted as two: products, attention, recurrences; not norms, activations and routing.
    uint64_t operations = 0;
};

/// `count` new tokens for each of `sequences` sequences that have `past` tokens. With `logits` the
/// head runs for the last token of each. `kv`: type of the caches. `before`: the stages that run before a step do,
/// else the others, over `memory` rows that those have left.
struct WorkStep {
    uint64_t sequences = 1, past = 0, count = 1;
    bool logits = true;
    DType kv = DType::f32;
    bool before = false;
    uint64_t memory = 0;
    uint64_t tokens() const { return sequences * count; }
};

/// Where an op adds its own work. Its weights are counted by the schedule, as products with every token's row, but for
/// those that the op has counted itself.
class WorkCounter {
public:
    explicit WorkCounter(const WorkStep& step) : step(step) {}
    virtual ~WorkCounter() = default;

    /// A weight [matrices, ...] of which the step reads `used`, and multiplies with `rows` rows in all.
    virtual void matrices_of(WeightId weight, uint64_t matrices, uint64_t used, uint64_t rows) = 0;
    /// A table of which `rows` rows are read, each by itself.
    virtual void lookups(WeightId weight, uint64_t rows) = 0;
    /// A state of the sequence that each token moves on: read, if the sequence has a past, and written.
    void recurrence(uint64_t state_bytes, uint64_t operations_a_token) {
        work.bytes += step.sequences * state_bytes * (step.past ? 2 : 1);
        work.operations += step.tokens() * operations_a_token;
    }

    const WorkStep step;
    Work work;
};

} // namespace weft::detail
