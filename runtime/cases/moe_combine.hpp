// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/moe_combine.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::moe_combine {

struct Shape {
    uint32_t tokens, choices, columns;
};
enum Part : uint32_t { kWeights = 1, kShared = 2, kGate = 4, kResidual = 8, kSlices = 16, kDropped = 32 };

struct Options {
    Shape shape;
    uint32_t parts;
    float scale, shared_scale;
    double magnitude;

    bool has(uint32_t part) const { return (parts & part) != 0; }
    uint32_t more() const { return has(kSlices) ? 5 : 0; } ///< columns around slices, two of them before
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::moe_combine
