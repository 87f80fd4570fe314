// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/attention: prefill tiles, decode in one split, decode in several with the merge.
#pragma once
#include "cases/case.hpp"
#include "kernels/attention.hpp"

namespace weft::detail::kernel::cases::attention {

struct Options {
    AttentionArgs args; ///< heads, sizes, mask and so on; tensors are made by build()
    Sequences sequences;
    DType cache = DType::f32;
    uint32_t capacity = 0; ///< 0: the longest sequence
    bool lse = false, sinks = false, sliced = false;
    /// Not 0: of every sequence's new tokens so many from 3 on see each other, so do those behind the next one, and so
    /// on.
    uint32_t spans = 0;
    uint32_t bias_columns = 0; ///< of args.bias_side rows a head, or one
    double magnitude = 1;      ///< of q
    uint32_t spare_tokens = 0; ///< bucket beyond the step
    AttentionTuning tuning;

    uint32_t keys(const CaseContext::Sequence& s) const { return args.cross ? s.memory : s.past + s.count; }
    uint32_t rows() const; ///< capacity of a slot
    /// Where the span ends that new token i of a sequence is in, as a position; 0: it is in none.
    uint32_t span(const CaseContext::Sequence& s, uint32_t i) const;
    /// The row of caches [slots, kv_heads, rows()] that a position of a sequence lies in.
    size_t cache_row(size_t sequence, uint32_t kv_head, size_t position) const;
};

/// Inputs "q", "k_cache", "v_cache", "sinks", "bias" and outputs "y", "lse". Cache rows that hold no key of a sequence
/// are NaN.
CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::attention
