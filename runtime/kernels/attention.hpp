// SPDX-License-Identifier: Apache-2.0
// L2: softmax attention over key and value caches.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y = softmax(scale * q k^T, masked) v for the new tokens of every sequence, against that sequence's
/// slot of the caches. The new tokens' keys and values are in the caches already (kernels/qkv_append).
/// Query head h reads kv head h / (heads / kv_heads).
/// Position of a query: its sequence's past + index among its new tokens. Keys of a slot are numbered by position
/// as well; position p lies in row p % capacity.
/// A query that sees no key gives y = 0 and lse = -inf (its sink alone, if there are sinks).
struct AttentionArgs {
    Step step;
    Tensor q;       ///< f32 [T, heads * head_size]; may be a column slice
    Tensor k_cache; ///< [slots, kv_heads, capacity, head_size], in rows of f32, f16 or q8_0 (kernels/cache_row.hpp)
    Tensor v_cache; ///< of the same type: [slots, kv_heads, capacity, value_size]
    Tensor y;       ///< f32 [T, heads * value_size]; may be a column slice
    Tensor lse;     ///< f32 [T, heads]: log of the sum of e^score; absent: not written
    Tensor sinks;   ///< f32 [heads]: a logit that takes its share of the softmax but has no value; absent: none
    Tensor bias;    ///< f32 [heads, n]: score += bias[h, clamp(key - query + bias_offset, 0, n - 1)]; absent: none
    /// u32 [T]: with causal, a query sees keys below this position too; 0: none behind itself. Grows with the position
    /// within a sequence, but for zeros; not beside a bias. Steps of one token a sequence do not look at it.
    Tensor spans;
    /// Not 0, odd: bias is [heads, side, side], and the score's is bias[h, down + side / 2, across + side / 2]: the
    /// places of the query less those of the key in the sequence's rectangle, StepSequence::memory wide, whose places
    /// tokens fill row by row (Liu et al. 2021, Swin Transformer, equation 4). Without cross attention.
    uint32_t bias_side = 0;
    int32_t bias_offset = 0;
    uint32_t heads = 0, kv_heads = 0; ///< heads is a multiple of kv_heads
    uint32_t head_size = 0;           ///< of q and k; a multiple of 4, at most 256
    uint32_t value_size = 0;          ///< of v and y; a multiple of 4, at most 256
    float scale = 1.0f;
    bool causal = true;   ///< a query sees no key after itself
    uint32_t window = 0;  ///< a query sees only keys with key > query - window; 0: no bound
    uint32_t ahead = 0;   ///< with causal = false, only keys with key < query + ahead; 0: no bound
    uint32_t chunk = 0;   ///< a query sees only keys with key / chunk == query / chunk; 0: no bound
    float softcap = 0.0f; ///< score = softcap * tanh(score / softcap), before the bias; 0: none
    /// Cross attention: a sequence has StepSequence::memory keys instead of past + count, and causal must be false.
    /// The step may be the one of self attention.
    bool cross = false;
    /// The caches are [1, kv_heads, T, size], and hold the step's own tokens in their order: no slots, no past.
    bool packed = false;
};
void attention(Recorder& r, const AttentionArgs& a);

/// How the work is cut. 0: chosen for the device. Tests and benchmarks set these;
/// every choice gives the same result within rounding.
struct AttentionTuning {
    uint32_t local = 0;      ///< threads a workgroup
    uint32_t rows = 0;       ///< prefill: rows a thread
    uint32_t split = 0;      ///< prefill: threads a row; a power of two that divides head_size / 4 and value_size / 4
    uint32_t keys = 0;       ///< prefill: keys whose scores a thread has at once
    uint32_t split_keys = 0; ///< decode: keys a workgroup reads
    /// Variants of shaders/attention; all but core need Feature::subgroup, broadcast is only for prefill.
    enum class Form : uint32_t { automatic, core, subgroup, broadcast } form = Form::automatic;
};
void attention(Recorder& r, const AttentionArgs& a, AttentionTuning tuning);

} // namespace weft::detail::kernel
