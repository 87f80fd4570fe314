// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/qkv_append.
#pragma once
#include "cases/case.hpp"
#include "kernels/qkv_append.hpp"

namespace weft::detail::kernel::cases::qkv_append {

/// q, k and v: columns of one tensor, three tensors, or some of them.
enum class From { one, apart, only_q, only_kv };
struct Options {
    QkvAppendArgs args; ///< sizes and scalars; tensors are made by build()
    Sequences sequences;
    From from = From::one;
    DType cache = DType::f32;
    uint32_t capacity = 0; ///< 0: the longest sequence
    bool q_weight = false, k_weight = false;
    double base = 10000;
    double magnitude = 1;      ///< of q, k and v
    uint32_t axes = 0;         ///< rows of a positions tensor of its own
    uint32_t spare_tokens = 0; ///< bucket beyond the step

    uint32_t rows() const; ///< capacity of a slot
};

/// "q", "k", "v" ("qkv" if they are one tensor, q first), "q_weight", "k_weight", "frequencies", "positions" and the
/// caches "k_cache", "v_cache", filled with NaN.
CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::qkv_append
