// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/linear_scan.
#pragma once
#include "cases/scan_inputs.hpp"
#include "kernels/linear_scan.hpp"

namespace weft::detail::kernel::cases::linear_scan {

struct Shape {
    uint32_t key_heads, heads, size, columns;
};
enum class Decay { usual, strong, faint, mixed };
struct Options {
    DecayOf decay_of = DecayOf::channel;
    Decay decay = Decay::usual;
    bool bonus = false, apart = false; ///< apart: inputs in tensors of their own, else slices of one
    uint32_t lead = 4;                 ///< columns before the first slice
    float scale = 0;
    Shape shape{};
    Sequences sequences{};

    /// Columns of a token's decays.
    uint32_t decays() const {
        return decay_of == DecayOf::channel ? shape.heads * shape.size : decay_of == DecayOf::token ? shape.heads : 0;
    }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::linear_scan
