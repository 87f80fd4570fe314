// SPDX-License-Identifier: Apache-2.0
// L3: rotary positions of ops that have queries and keys: a part of theirs.
#pragma once
#include "kernels/qkv_append.hpp"
#include "layers/spec.hpp"

namespace weft::detail {

struct LayerContext;

/// What kernels are told of it; of none nothing.
kernel::Rotary rotary_of(const LayerContext& c, const Rope& rope);

} // namespace weft::detail
