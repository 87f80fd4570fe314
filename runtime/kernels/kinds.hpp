// SPDX-License-Identifier: Apache-2.0
// L2: what kernels can be asked for, as plain words that schedules use too; numbered as in the shaders.
#pragma once
#include <cstdint>

namespace weft::detail::kernel {

/// shaders/lib/activation.glsl
enum class Activation : uint32_t {
    none = 0,
    silu = 1,
    gelu = 2,
    gelu_tanh = 3,
    relu = 4,
    relu2 = 5,
    sigmoid = 6,
    quick_gelu = 7,
    tanh = 8,
    sine = 9,
    exp = 10,
    elu_plus_one = 11 ///< x + 1, of negative numbers e^x: above 0
};

/// shaders/norm/norm.comp
enum class NormKind : uint32_t { rms = 0, layer = 1, l2 = 2, sum = 3 };

/// shaders/elem/pool.comp
enum class PoolKind : uint32_t { mean = 0, max = 1 };

/// shaders/route/route.comp: what experts are compared by,
enum class RouterScore : uint32_t { softmax = 0, sigmoid = 1, logit = 2, sqrt_softplus = 3 };
/// what a chosen one is weighted with; the last two are of the logits,
enum class RouterWeight : uint32_t { score = 0, softmax_of_chosen = 1, sigmoid_of_chosen = 2 };
/// and what groups of experts are compared by.
enum class GroupScore : uint32_t { best = 0, best_two = 1 };

/// shaders/series/series.comp: what the values of a series are scaled by.
enum class SeriesScaling : uint32_t { none = 0, std = 1, mean = 2 };

/// How pictures are cut into patches.
struct PatchCut {
    uint32_t patch_y = 1, patch_x = 1, stride_y = 1, stride_x = 1;
    uint32_t pad_y = 0, pad_x = 0; ///< zeros above and left; below and right there are as many as positions reach

    bool operator==(const PatchCut&) const = default;
};

} // namespace weft::detail::kernel
