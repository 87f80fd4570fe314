// SPDX-License-Identifier: Apache-2.0
// L2: the parameters of the cases of kernels/qkv_append: the test's reference needs them too.
#pragma once
#include "kernels/case.hpp"
#include "kernels/qkv_append.hpp"

namespace weft::kernel {

struct QkvAppendCase {
    enum class From {
        one,
        apart,
        only_q,
        only_kv
    }; ///< q, k and v: columns of one tensor, three tensors, or some of them

    std::string name;
    QkvAppendArgs options; ///< sizes and scalars; tensors are made by build()
    std::vector<CaseContext::Sequence> sequences;
    From from = From::one;
    DType cache = DType::f32;
    uint32_t capacity = 0; ///< 0: the longest sequence
    bool q_weight = false, k_weight = false;
    double base = 10000;
    uint32_t axes = 0;         ///< rows of a positions tensor of its own
    uint32_t spare_tokens = 0; ///< bucket beyond the step
    bool timed = false;

    uint32_t tokens() const;
    uint32_t rows() const; ///< capacity of a slot
    /// Makes "q", "k", "v" ("qkv" if they are one tensor, q first), "q_weight", "k_weight", "frequencies", "positions"
    /// and the caches "k_cache", "v_cache", filled with NaN.
    void build(CaseContext& ctx) const;
};

const std::vector<QkvAppendCase>& qkv_append_case_list();

} // namespace weft::kernel
