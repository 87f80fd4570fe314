// SPDX-License-Identifier: Apache-2.0
// L4: the least that a step of a schedule moves and computes: what measured times are held against.
#pragma once
#include "schedule/schedule.hpp"

namespace weft {

struct Work {
    /// Weights, once for each block that uses them (of experts, as many as the tokens can choose);
    /// states as they are read and written; no activations.
    uint64_t bytes = 0;
    /// Multiply-adds counted as two: products, attention, recurrences; not norms, activations and routing.
    uint64_t operations = 0;
};

/// `count` new tokens for each of `sequences` sequences that have `past` tokens. With `logits` the
/// head runs for the last token of each.
struct WorkStep {
    uint64_t sequences = 1, past = 0, count = 1;
    bool logits = true;
};

/// `weight_bytes`: of each slot, as the device holds it. `kv`: type of the caches.
Work work_of(const Schedule& schedule, const std::vector<uint64_t>& weight_bytes, DType kv, const WorkStep& step);

} // namespace weft
