// SPDX-License-Identifier: Apache-2.0
// L3: the short convolution in front of recurrent mixers: a part of their ops.
#pragma once
#include "layers/limits.hpp"
#include "layers/spec.hpp"
#include "layers/state.hpp"
#include "vulkan/tensor.hpp"

namespace weft::detail {

struct LayerContext;

/// y = act(conv(x)); `window` holds the last inputs.
void lower_conv(LayerContext& c, const Conv& conv, StateId window, const vk::Tensor& x, const vk::Tensor& y);
State window_of(const Conv& conv);
void check_conv(const Conv& conv, Limits& l);
inline uint64_t bytes_of_window(const Conv& conv) { return 4 * uint64_t(conv.channels) * (conv.taps - 1); }
/// Operations a token.
inline uint64_t operations_of(const Conv& conv) { return 2 * uint64_t(conv.channels) * conv.taps; }

} // namespace weft::detail
