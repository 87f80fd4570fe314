// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/sample.
#pragma once
#include "cases/case.hpp"
#include "kernels/sample.hpp"

namespace weft::detail::kernel::cases::sample {

enum Extra : uint32_t {
    kHistory = 1,
    kAllowedBits = 2,
    kProbabilities = 4,
    kStrange = 8,
    kSlice = 16,
    kEqual = 32,
    kNothing = 64,
    kClusters = 128,
    kBroken = 256
};
/// Sequence s has slot (2 s + 1) % slots, one new token (`several`: some more, all of them outputs)
/// and takes row s % rows of `samplers`.
struct Options {
    uint32_t vocabulary;
    std::vector<SamplerRow> samplers;
    uint32_t sequences, extra;
    double magnitude;
    uint32_t capacity; ///< of the history
    bool several;

    bool has(uint32_t part) const { return (extra & part) != 0; }
    uint32_t start() const { return has(kSlice) ? 3 : 0; } ///< of the logits' columns, in 5 more
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::sample
