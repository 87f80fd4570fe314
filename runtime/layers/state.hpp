// SPDX-License-Identifier: Apache-2.0
// L3: what ops keep between steps.
#pragma once
#include "base/dtype.hpp"
#include <cstdint>
#include <vector>

namespace weft {

/// Shapes are per slot; a growing state is [heads, capacity, size]: the rows of a head lie side by side, so that
/// reading them is one stream.
enum class StateKind : uint32_t { kv, conv, selective, matrix };
enum class Growth : uint32_t { constant, window, linear };
struct StateSpec {
    StateKind kind = StateKind::kv;
    Growth growth = Growth::constant;
    DType dtype = DType::f32;
    std::vector<uint32_t> shape;
    uint32_t capacity() const { return shape[1]; } ///< rows of a growing state
    uint64_t bytes() const {
        uint64_t n = size_of(dtype);
        for (uint32_t d : shape) n *= d;
        return n;
    }
};

/// Sizes that states depend on.
struct StateOptions {
    uint32_t context = 0;   ///< tokens a sequence may have
    uint32_t max_chunk = 0; ///< most new tokens of one step
    DType kv_dtype = DType::f32;
};

} // namespace weft
