// SPDX-License-Identifier: Apache-2.0
// L2: what ssd, gated_delta and linear_scan share: the second half of a chunked scan with a matrix state. Not for use
// by layers.
#pragma once
#include "kernels/step.hpp"
#include <initializer_list>

namespace weft::detail::kernel {

/// How a thread of the first half shares out the 16 x 16 products of a chunk.
struct ChunkTile {
    uint32_t local, down, across;
};
ChunkTile chunk_tile(const Recorder& r);
/// True where a thread has whole columns of a state, as is best on CPUs.
bool whole_columns(const Recorder& r);
/// Threads that share a column of `padded` rows elsewhere.
uint32_t parts_of(uint32_t padded);

/// Tokens of a chunk, and 32-bit words that the first half writes for each token and head (shaders/scan/chunk.glsl).
constexpr uint32_t kScanChunk = 16, kMixSsd = 20, kMixDelta = 36;

struct MatrixScanArgs {
    Step step;
    Tensor q;     ///< f32 [T, Hk * padded], from pad_heads()
    Tensor k;     ///< f32 [T, Hk * padded], from pad_heads()
    Tensor v;     ///< f32 [T, H * columns]; may be a column slice
    Tensor mix;   ///< f32 [T, H * kMixSsd or kMixDelta]
    Tensor y;     ///< f32 [T, H * columns]; may be a column slice
    Tensor state; ///< f32 [slots, H, size, columns]; with `transposed` [slots, H, columns, size]
    uint32_t heads = 0, key_heads = 0, size = 0, columns = 0;
    bool delta = false, transposed = false;
    bool tiled = false; ///< head h has key head h % Hk, else h / (H / Hk)
};
void matrix_scan(Recorder& r, const MatrixScanArgs& args);

/// The size that matrix_scan wants for heads of `size`.
uint32_t padded_size(const Recorder& r, uint32_t size);
/// `x` f32 [T, heads * size] with every head at a multiple of four and zeros up to padded_size:
/// x itself where it is so already, else a copy.
Tensor pad_heads(Recorder& r, const Step& step, const Tensor& x, uint32_t heads);

/// Column slices of one tensor as one tensor that spans them all. Slices of different tensors are
/// copied into one first, and made slices of it.
Tensor one_buffer(Recorder& r, const Step& step, std::initializer_list<Tensor*> slices);

} // namespace weft::detail::kernel
