// SPDX-License-Identifier: Apache-2.0
// L2: what lies between the q, k, v projections and attention: head norms, rotary embedding, append to the caches.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

enum class RotaryPairs : uint32_t {
    halves = 0,     ///< channel i turns with channel i + dims / 2 (rotate_half)
    interleaved = 1 ///< channel 2i turns with channel 2i + 1
};

/// Rotary position embedding (Su et al. 2021) of the first `dims` channels of each head of q and k.
struct Rotary {
    uint32_t dims = 0; ///< even; 0: no rotary embedding
    RotaryPairs pairs = RotaryPairs::halves;
    /// f32 [rows, dims / 2]: inverse frequencies, computed by the caller in double precision. Row 0;
    /// row 1 if `long_table`: those of sequences longer than `original`;
    /// the last row if `axes`: the axis of `positions` that each frequency takes its position from, as a float.
    Tensor frequencies;
    bool long_table = false;  ///< longrope: a sequence with StepSequence::length > original uses row 1 and long_factor
    bool axes = false;        ///< M-RoPE and 2-D rotary embedding
    uint32_t original = 0;    ///< the length trained on, for long_table and ntk
    float factor = 1.0f;      ///< on cos and sin (yarn's and longrope's attention factor)
    float long_factor = 1.0f; ///< the same for sequences longer than `original`
    /// Dynamic NTK: with L = StepSequence::length > original, frequency i is multiplied by s^(-2i / (dims - 2)),
    /// s = 1 + ntk * (L - original) / original. 0: none.
    float ntk = 0.0f;
};

/// For every new token: optional RMS norm of each head of q and k, rotary embedding, then q back in place and k,
/// v into row (position % capacity) of the sequence's slot. The position of a token is its sequence's past + its index
/// among the new ones. q, or k and v, may be absent.
/// One dispatch if q, k and v are column slices of one tensor; one more for each further tensor.
struct QkvAppendArgs {
    Step step;
    Tensor q;       ///< f32 [T, heads * head_size], read and written in place; may be a column slice
    Tensor k;       ///< f32 [T, kv_heads * head_size]; may be a column slice
    Tensor v;       ///< f32 [T, kv_heads * value_size]; may be a column slice
    Tensor k_cache; ///< [slots, kv_heads, capacity, head_size], in rows of f32, f16 or q8_0 (kernels/cache_row.hpp)
    Tensor v_cache; ///< of the same type: [slots, kv_heads, capacity, value_size]
    uint32_t heads = 0, kv_heads = 0;
    uint32_t head_size = 0, value_size = 0; ///< multiples of 4, at most 256
    bool normalize = false;                 ///< RMS norm of each head of q and k, before the rotary embedding
    Tensor q_weight, k_weight;              ///< f32 [head_size], shared by all heads; absent: 1
    /// The caches are [1, kv_heads, T, size]: keys and values lie as the step's tokens do.
    bool packed = false;
    float eps = 1e-6f;
    float k_scale = 1.0f; ///< on k, before everything else
    Rotary rotary;
    /// u32 [T], or [axes, T] with rotary.axes: positions for the rotary embedding; absent: step.positions.
    Tensor positions;
    /// q *= 1 + temperature * ln(1 + floor((position + temperature_offset) / temperature_floor))
    /// (Llama 4, Ministral 3). 0: none.
    float temperature = 0.0f, temperature_floor = 8192.0f, temperature_offset = 0.0f;
};
void qkv_append(Recorder& r, const QkvAppendArgs& a);

} // namespace weft::detail::kernel
