// SPDX-License-Identifier: Apache-2.0
// L2: what matmul and expert_matmul share: views of some rows of a weight, and the choice of shapes for workgroups.
#pragma once
#include "kernels/step.hpp"
#include <optional>

namespace weft::detail::kernel {

/// TYPE of the shaders.
uint32_t weight_type(const Tensor& weight);

/// Rows [first, first + count) of a weight, all its leading dimensions taken as rows. What the alignment of
/// bound buffers cuts off goes to `start`.
Tensor weight_rows(const Tensor& weight, uint64_t first, uint64_t count);

/// How many rows of a weight one binding of `range` bytes can hold, wherever they begin; 0: not one.
uint64_t rows_in_range(const Tensor& weight, uint64_t range);

/// True if x and the weight's rows can be read 16 bytes at a time.
bool by_sixteen_bytes(const Tensor& x, const Tensor& weight);

/// Whether a product can round x to 8 bits here: the device has the instruction, and so had this build's glslc.
template <class K>
bool can_dot(const Recorder& r) {
    return vk::usable(r.device(), K::info, uint32_t(K::Variant::dot));
}

/// The form of a product's shader: reads by 16 bytes where that is possible, of quantized weights those of x;
/// these with x in 8 bits where that is fast, or asked for.
template <class K>
typename K::Variant product_variant(Recorder& r, const Tensor& x, const Tensor& weight, bool eight_bits) {
    if (!by_sixteen_bytes(x, weight)) return K::Variant::core;
    if (!in_blocks(weight.dtype)) return K::Variant::vectors;
    if (weight.dtype == DType::f8_blocks) return K::Variant::blocks; // its elements are no integers
    return (eight_bits || r.has(Feature::fast_integer_dot)) && can_dot<K>(r) ? K::Variant::dot : K::Variant::blocks;
}

/// Specialization of matmul.comp and expert_matmul.comp: LOCAL / TX * TM rows of x by TX * TN rows of W.
struct TileShape {
    uint32_t local, tx, tm, tn, kc, direct;
    uint32_t rows() const { return local / tx * tm; }
    uint32_t columns(bool gated) const { return tx * tn / (gated ? 2 : 1); }
};
TileShape tile_shape(const Machine& machine, uint64_t rows, uint32_t columns, bool gated);

/// Specialization of matvec.comp and expert_matvec.comp.
struct RowsShape {
    uint32_t local, lanes, rows, passes, unroll, spread;
    uint32_t columns() const { return local / lanes * rows * passes; }
};
/// Whether products of so many rows of x are for those: up to 8, if a thread has the registers for their sums.
bool few_rows_fit(const Machine& machine, uint32_t tokens, const Tensor& weight, bool gated);
RowsShape rows_shape(const Machine& machine, uint32_t tokens, uint32_t columns, const Tensor& weight, bool gated);

/// The form of a product of few rows: product_variant's, with sums within subgroups where a row's lanes are part of
/// one.
template <class K>
typename K::Variant rows_variant(Recorder& r, const Tensor& x, const Tensor& weight, bool eight_bits,
                                 const RowsShape& shape) {
    using V = typename K::Variant;
    const V v = product_variant<K>(r, x, weight, eight_bits);
    const auto& limits = r.device().limits();
    const uint32_t lanes = r.machine().lanes;
    // Numbers of lanes that a driver may change at will say nothing of who is whose neighbour.
    const bool whole = r.has(Feature::fixed_lanes) || limits.subgroup_least == limits.subgroup_most;
    if (!r.has(Feature::subgroup) || !whole || shape.lanes == 1 || shape.lanes > lanes || shape.local % lanes != 0)
        return v;
    return v == V::vectors ? V::vectors_subgroup : v == V::blocks ? V::blocks_subgroup : v;
}

/// What a product of few rows into y reads instead of x: see matmul.hpp, `norm`. Absent where x was not made by an
/// RMSNorm of whole rows with weights, or what that read has changed since or is y, or this device is better off
/// without.
struct NormedInput {
    Tensor x, weight;
    float eps = 0;
};
std::optional<NormedInput> normed_input(const Recorder& r, const Tensor& x, const Tensor& y);

/// Bits of PARTS (shaders/matmul/epilogue.glsl).
constexpr uint32_t kPartBias = 1, kPartResidual = 2, kPartSoftcap = 4, kPartLimit = 8, kPartScale = 16,
                   kPartScaleInput = 32, kPartNorm = 64;

} // namespace weft::detail::kernel
