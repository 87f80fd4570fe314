// SPDX-License-Identifier: Apache-2.0
// L2: the parameters of the cases of kernels/attention: the test's reference needs them too.
#pragma once
#include "kernels/attention.hpp"
#include "kernels/case.hpp"

namespace weft::kernel {

struct AttentionCase {
    std::string name;
    AttentionArgs options; ///< heads, sizes, mask and so on; tensors are made by build()
    std::vector<CaseContext::Sequence> sequences;
    DType cache = DType::f32;
    uint32_t capacity = 0; ///< 0: the longest sequence
    bool lse = false, sinks = false, sliced = false;
    uint32_t bias_columns = 0; ///< of options.bias_side rows a head, or one
    double magnitude = 1;      ///< of q
    uint32_t spare_tokens = 0; ///< bucket beyond the step
    AttentionTuning tuning;
    bool timed = false;

    uint32_t keys(const CaseContext::Sequence& s) const { return options.cross ? s.memory : s.past + s.count; }
    uint32_t rows() const; ///< capacity of a slot
    /// The row of caches [slots, kv_heads, rows()] that a position of a sequence lies in.
    size_t cache_row(size_t sequence, uint32_t kv_head, size_t position) const;
    /// Makes the inputs "q", "k_cache", "v_cache", "sinks", "bias" and the outputs "y", "lse".
    /// Cache rows that hold no key of a sequence are NaN.
    void build(CaseContext& ctx) const;
};

const std::vector<AttentionCase>& attention_case_list();

} // namespace weft::kernel
