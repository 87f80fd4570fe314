// SPDX-License-Identifier: Apache-2.0
// L3: a product of low rank, which several mixers make their gates with: a part of their ops.
#pragma once
#include "kernels/kinds.hpp"
#include "layers/spec.hpp"
#include "vulkan/tensor.hpp"

namespace weft::detail {

class Fields;
struct Destination;
struct LayerContext;

/// up(act(down(x))); up may have a bias.
struct LowRank {
    Linear down, up;
    explicit operator bool() const { return bool(down); }
};

/// An object under `key`.
void low_rank_fields(Fields& f, const char* key, LowRank& l, uint64_t in, uint64_t out, bool optional = false);
/// `last` is behind up.
void lower_low_rank(LayerContext& c, const LowRank& l, const vk::Tensor& x, kernel::Activation between,
                    const Destination& to, kernel::Activation last);

} // namespace weft::detail
