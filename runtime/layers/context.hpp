// SPDX-License-Identifier: Apache-2.0
// L3: what every building block lowers into, and the small descriptions that all of them use.
#pragma once
#include "kernels/activation.hpp"
#include "kernels/matmul.hpp"
#include "kernels/norm.hpp"
#include "kernels/step.hpp"
#include <string>
#include <vector>

namespace weft {

/// Index of a weight slot of the schedule.
using WeightId = uint32_t;
inline constexpr WeightId kNoWeight = ~0u;

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

/// What a mixer keeps between steps. Shapes are per slot; a growing state is [heads, capacity, size]:
/// the rows of a head lie side by side, so that reading them is one stream.
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

/// Lowering of one recording. Weights and states are resources of `r`, in the order of the schedule.
struct LayerContext {
    kernel::Recorder& r;
    kernel::Step step;
    /// Each in one part or several, one below the other, of different types.
    std::vector<std::vector<kernel::Tensor>> weights;
    std::vector<kernel::Tensor> states; ///< [slots, ...StateSpec::shape]
    size_t next_state = 0;

    /// A weight that is always one: a vector, a matrix that the file has as one tensor.
    kernel::Tensor weight(WeightId id) const {
        if (id == kNoWeight) return {};
        weft_CHECK(weights.at(id).size() == 1, "only products take a weight in parts");
        return weights[id][0];
    }
    bool in_parts(WeightId id) const { return weights.at(id).size() > 1; }
    kernel::Tensor state() { return states.at(next_state++); }
    /// A temporary f32 [tokens of the bucket, columns].
    kernel::Tensor rows(uint32_t columns, const std::string& name) {
        return r.temporary(DType::f32, {step.max_tokens, columns}, name);
    }
};

/// Where a block's result goes: y = residual + scale * op(x). `residual` may be y itself, or absent.
struct Destination {
    kernel::Tensor y, residual;
    float scale = 1.0f;
};

/// y = scale * norm(x) over groups of `width` channels (0: all).
void lower_norm(LayerContext& c, const Norm& n, const kernel::Tensor& x, const kernel::Tensor& y, float scale = 1.0f,
                uint32_t width = 0);
/// A product with a weight: of several parts, each gives some columns of y. `args` are those
/// of one product, without the weight.
void lower_product(LayerContext& c, WeightId weight, const kernel::MatmulArgs& args);
/// to.y = to.residual + to.scale * act(x W^T + b); gated: W, in one part, holds gate rows,
/// then up rows, y = act(gate) * up.
void lower_linear(LayerContext& c, const Linear& l, const kernel::Tensor& x, const Destination& to,
                  kernel::Activation activation = kernel::Activation::none, bool gated = false);

} // namespace weft
