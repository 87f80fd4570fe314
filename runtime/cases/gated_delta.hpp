// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/gated_delta.
#pragma once
#include "cases/scan_inputs.hpp"
#include "kernels/gated_delta.hpp"

namespace weft::detail::kernel::cases::gated_delta {

struct Shape {
    uint32_t key_heads, heads, size, columns;
};
enum class Decay { usual, strong, none, mixed };
struct Options {
    Decay decay = Decay::usual;
    bool bias = true, gate = true, l2 = true;
    bool tiled = false;                 ///< GatedDeltaArgs::tiled
    bool apart = false;                 ///< q, k and v in tensors of their own, else slices of one
    uint32_t lead = 4;                  ///< columns before the first slice
    double beta_from = -3, beta_to = 3; ///< of b
    float beta_scale = 1;
    Shape shape{};
    Sequences sequences{};
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::gated_delta
