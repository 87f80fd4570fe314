// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/combine.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::combine {

struct Shape {
    uint32_t tokens, columns;
};
enum Part : uint32_t { kX = 1, kMultiplier = 2, kZ = 4, kW = 8, kTokenGate = 16, kGate = 32, kPlainGate = 64 };

struct Options {
    Shape shape;
    uint32_t parts;
    float alpha, beta, gamma;
    bool slices; ///< tensors are slices of wider ones, each with its own width
    bool in_place;
    double magnitude;

    bool has(uint32_t part) const { return (parts & part) != 0; }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::combine
