// SPDX-License-Identifier: Apache-2.0
// L2: what matmul and expert_matmul share: views of some rows of a weight, and the choice of shapes for workgroups.
#pragma once
#include "kernels/step.hpp"

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
    uint32_t local, lanes, rows, passes, unroll;
    uint32_t columns() const { return local / lanes * rows * passes; }
};
RowsShape rows_shape(const Machine& machine, uint32_t tokens, uint32_t columns, const Tensor& weight, bool gated);

/// Bits of PARTS (shaders/matmul/epilogue.glsl).
constexpr uint32_t kPartBias = 1, kPartResidual = 2, kPartSoftcap = 4, kPartLimit = 8, kPartScale = 16,
                   kPartScaleInput = 32;

} // namespace weft::detail::kernel
