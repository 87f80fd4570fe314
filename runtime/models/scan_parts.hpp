// SPDX-License-Identifier: Apache-2.0
// L5: the parts that Vision Mamba and those that stand on it share: Mamba layers over rows that come whole.
#pragma once
#include "layers/cross_scan.hpp"
#include "layers/patch.hpp"
#include "models/encoder_parts.hpp"
#include "models/mixer_parts.hpp"

namespace weft::detail {

/// Keys of Vision Mamba's constructor that change nothing.
std::vector<NotRead> vision_mamba_keys_not_read();

using Sides = PatchGrid::Sides;
/// [height, width], or one number for both; `otherwise` for both where the key is absent.
Result<Sides> sides_or(const JsonObject& config, const std::string& key, uint32_t otherwise);

/// NAME.weight and NAME.bias with a factor: `factor` for the weight, and a vector's numbers, one for each row, for both
/// where it has a name.
Linear scaled_linear(Builder& builder, const std::string& name, uint32_t out, uint32_t in, bool bias, float factor,
                     const std::string& of_rows = "");

/// A depthwise convolution NAME.weight [channels, 1, taps] or [channels, 1, taps, taps_across] and NAME.bias, if it has
/// one: `taps_across` 0: of a line. Of several names the channels stand side by side.
struct Depthwise {
    std::vector<std::string> names;
    uint32_t channels = 0, taps = 0, taps_across = 0; ///< channels of each name
    bool bias = false;
    kernel::Activation activation = kernel::Activation::silu;
    std::string norm = {}; ///< a BatchNorm behind it, of eps 1e-5
};
/// With as many taps on rows behind as on rows before; a causal one has none.
ConvolveSpec depthwise(Builder& builder, const Depthwise& d, bool causal = false);

/// Convolutions between stages: the rows of a square window, and the layer NAME.weight [out, in, taps, taps]
/// (NAME.bias).
RowSpace window_rows(StageId from, uint32_t taps, uint32_t stride, uint32_t pad);
Linear window_linear(Builder& builder, const std::string& name, uint32_t out, uint32_t in, uint32_t taps, bool bias);
/// The order of its weight: a place's channels side by side.
inline const std::vector<uint64_t> kWindowOrder = {1, 2, 0};

/// The head over the mean of the last stage's normed rows.
void add_normed_mean(Schedule& schedule, const Norm& norm, const Linear& head);

/// What the constructors of Vim and Audio Mamba share.
struct VimSizes {
    enum class Directions { forward, shared, apart }; ///< bimamba_type none, v1 and v2
    uint32_t layers = 0, width = 0, classes = 0;
    Mamba1Sizes mamba;
    Directions directions = Directions::forward;
    bool rms = false, positions = false, halved = false, layer_scale = false;
    bool pooled = false; ///< without class tokens: the mean of all rows is classified, not the last
    double eps = 0;
    PatchGrid grid;       ///< its extra rows are class tokens
    uint32_t patches = 0; ///< of a picture of the config's size
    uint32_t rows() const { return patches + grid.extra; }
};
/// All but the grid's own sizes. `halves`: the key that halves the sum of two directions; `channels` where no key says.
Result<VimSizes> read_vim(const JsonObject& config, const char* halves, uint32_t channels);
/// The patches of a picture of that size, for positions.
Status count_patches(const JsonObject& config, VimSizes& s, const Sides& picture, const std::string& key);

/// The names of the class tokens, in the order of their rows.
std::vector<std::string> class_tokens(const VimSizes& s);
/// The stages: `patch` and layers, and the head over the class tokens or all rows.
void add_vim(Builder& builder, Schedule& schedule, const VimSizes& s, const PatchSpec& patch);

} // namespace weft::detail
