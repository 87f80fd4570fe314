// SPDX-License-Identifier: Apache-2.0
// L0: floats to blocks of quantized weights: the other direction of base/blocks.hpp.
#pragma once
#include "base/dtype.hpp"
#include <optional>
#include <span>

namespace weft::detail {

/// True of the types that quantize_blocks makes: f32, f16, bf16, q8_0, q4_0, q5_0, q5_1, q4_k, q5_k, q6_k.
bool can_quantize(DType type);

/// Packs `values`, whole blocks of a type that can_quantize; `blocks` has room for all of them. The types of 32
/// elements take the scale that fits the largest element; those of 256 search for the scales and minima of least
/// squared error, larger elements counting more. Gives the first element that the type cannot hold, if there is one: it
/// is NaN or infinite, or so large that it or the scale of its block would be; `blocks` is of no use then.
[[nodiscard]] std::optional<size_t> quantize_blocks(DType type, std::span<const float> values,
                                                    std::span<std::byte> blocks);

} // namespace weft::detail
