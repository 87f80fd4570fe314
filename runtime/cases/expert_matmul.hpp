// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/expert_matmul.
#pragma once
#include "cases/case.hpp"
#include "kernels/kinds.hpp"

namespace weft::detail::kernel::cases::expert_matmul {

struct Shape {
    uint32_t tokens, choices, experts, columns, depth;
};
/// second: x has a row a pair. skewed: one expert gets half of the pairs and some get none. dropped:
/// some pairs have no expert. slices: x and y are columns from 4 on of wider tensors. norm: rows of x are normed on the
/// way in.
enum Part : uint32_t {
    kBias = 1,
    kScale = 2,
    kScaleInput = 4,
    kSecond = 8,
    kSkewed = 16,
    kDropped = 32,
    kSlices = 64,
    kNorm = 128
};

struct Options {
    DType type = DType::f16;
    Activation activation = Activation::none;
    bool gated = false;
    uint32_t parts = 0;
    float limit = 0, up_offset = 0;
    uint32_t more = 0; ///< tokens of the bucket beyond the step's
    bool eight_bits = false;
    Shape shape{};

    bool has(uint32_t part) const { return (parts & part) != 0; }
    uint32_t start() const { return has(kSlices) ? 4 : 0; }
    uint32_t rows_per_x() const { return has(kSecond) ? 1 : shape.choices; }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::expert_matmul
