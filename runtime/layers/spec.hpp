// SPDX-License-Identifier: Apache-2.0
// L3: the words that descriptions of ops are written in: plain data, no kernel.
#pragma once
#include "kernels/kinds.hpp"
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace weft::detail {

/// Index of a weight slot of the schedule.
using WeightId = uint32_t;
inline constexpr WeightId kNoWeight = ~0u;

/// A stream of the schedule; 0 is the residual stream.
using StreamId = uint32_t;

/// y = x W^T + b; W [out, in].
struct Linear {
    WeightId weight = kNoWeight, bias = kNoWeight;
    uint32_t in = 0, out = 0;
    explicit operator bool() const { return weight != kNoWeight; }
};

struct Norm {
    bool present = false;
    kernel::NormKind kind = kernel::NormKind::rms;
    WeightId weight = kNoWeight, bias = kNoWeight; ///< [width]; zero-centred weights (1 + w) are stored as 1 + w
    float eps = 1e-6f;
    explicit operator bool() const { return present; }
};

/// Depthwise causal convolution over time; weight f32 [channels, taps].
struct Conv {
    WeightId weight = kNoWeight, bias = kNoWeight;
    uint32_t channels = 0, taps = 0;
    kernel::Activation activation = kernel::Activation::silu;
    explicit operator bool() const { return weight != kNoWeight; }
};

enum class RopeKind : uint32_t { none, half, pairs };

/// Rotary positions. `frequencies` are inverse frequencies computed by the model's file from its
/// config (linear, yarn, llama3 are in them already).
struct Rope {
    RopeKind kind = RopeKind::none;
    /// Computed f32 [rows(), rotary / 2]: frequencies; with long_table those of sequences longer than `original`; with
    /// several axes the number of the axis that each pair of channels takes its position from.
    WeightId frequencies = kNoWeight;
    uint32_t rotary = 0;               ///< channels that are rotated, from the first
    bool long_table = false;           ///< longrope
    float factor = 1, long_factor = 1; ///< on cos and sin ("attention factor")
    float ntk = 0;                     ///< dynamic NTK: the scaling factor; 0: none
    uint32_t original = 0;             ///< length trained on, for long_table and ntk
    uint32_t axes = 1;                 ///< of positions: 2 for places in a picture

    uint32_t rows() const { return 1 + long_table + (axes > 1); }
};

/// What sizes follow from.
struct Widths {
    uint64_t model = 0;      ///< of the stream that the block writes
    uint64_t input = 0;      ///< of the block's input; 0: it has none
    uint64_t vocabulary = 0; ///< of the model
    uint64_t positions = 0;  ///< that the model can address; 0: no limit
    uint64_t merged = 0;     ///< of a rectangle's rows side by side, in stages whose rows are merged
    uint64_t merged_row = 0; ///< of one of them
    uint64_t source = 0;     ///< of the rows of which the stage's are one for each sequence, which comes whole
    uint32_t axes = 1;       ///< of the positions of the stage's rows
    bool places = false;     ///< some of the stage's rows stand for rows of a memory
    bool viewed = false;     ///< the block's rows are the stage's in another order
    bool placed = false;     ///< the stage's rows have their places in a picture
    uint32_t most = 0;       ///< rows of a sequence in the stage; 0: no limit
    std::vector<std::string> views = {};     ///< of the stage, behind the rows as they are
    std::vector<uint32_t> routed_views = {}; ///< those of them that `choose` makes
    bool routed(uint32_t view) const { return std::ranges::find(routed_views, view) != routed_views.end(); }
};

} // namespace weft::detail
