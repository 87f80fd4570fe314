// SPDX-License-Identifier: Apache-2.0
// L2: activations, numbered as in shaders/lib/activation.glsl.
#pragma once
#include <cstdint>

namespace weft::kernel {

enum class Activation : uint32_t {
    none = 0,
    silu = 1,
    gelu = 2,
    gelu_tanh = 3,
    relu = 4,
    relu2 = 5,
    sigmoid = 6,
    quick_gelu = 7,
    tanh = 8
};

} // namespace weft::kernel
