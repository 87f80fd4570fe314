// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/matmul.
#pragma once
#include "cases/case.hpp"
#include "kernels/kinds.hpp"

namespace weft::detail::kernel::cases::matmul {

struct Shape {
    uint32_t tokens, columns, depth;
};
/// slices: x, residual and y are columns from 4 on of wider tensors, the weight
/// from 8 (of one in blocks, from the second block) on. odd_slices: from 3 and 5 on. in_place: the residual is y.
/// fixed: the number of rows is not in the step. norm: rows of x are normed on the way in.
enum Part : uint32_t { kBias = 1, kResidual = 2, kSlices = 4, kOddSlices = 8, kInPlace = 16, kFixed = 32, kNorm = 64 };

struct Options {
    DType type = DType::f16;
    Activation activation = Activation::none;
    bool gated = false;
    uint32_t parts = 0;
    float scale = 1, softcap = 0, limit = 0, up_offset = 0;
    double magnitude = 1; ///< of x
    uint32_t more = 0;    ///< rows of the bucket beyond the step's
    bool eight_bits = false;
    Shape shape{};

    bool has(uint32_t part) const { return (parts & part) != 0; }
    uint32_t start() const { return has(kOddSlices) ? 3 : has(kSlices) ? 4 : 0; }
    uint32_t weight_start() const {
        return !start() ? 0 : in_blocks(type) ? block_info(type).elements : has(kOddSlices) ? 5 : 8;
    }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::matmul
