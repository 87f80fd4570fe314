// SPDX-License-Identifier: Apache-2.0
#include "kernels/products.hpp"
#include <algorithm>

namespace weft::kernel {
namespace {

// Whether lanes that load from neighbouring addresses gain nothing by it: drivers whose lanes are those of a CPU's vectors load for each lane by itself. GPUs with
// such small subgroups have caches that bear it.
bool loads_apart(uint32_t subgroup_size) { return subgroup_size <= 8; }

} // namespace

uint32_t weight_type(const Tensor& weight) {
    weft_CHECK(weight.dtype == DType::f32 || weight.dtype == DType::f16 || weight.dtype == DType::bf16, "weight must be f32, f16 or bf16");
    return weight.dtype == DType::f32 ? 0 : weight.dtype == DType::f16 ? 1 : 2;
}

Tensor weight_rows(const Tensor& weight, uint64_t first, uint64_t count) {
    const uint64_t size = size_of(weight.dtype), at = weight.offset + (first * weight.stride + weight.start) * size;
    Tensor t = weight;
    t.rank = 2;
    t.shape = {uint32_t(count), weight.columns()};
    t.offset = at / Tensor::kAlignment * Tensor::kAlignment;
    t.start = uint32_t((at - t.offset) / size);
    return t;
}

uint64_t rows_in_range(const Tensor& weight, uint64_t range) {
    const uint64_t elements = (range - Tensor::kAlignment) / size_of(weight.dtype);
    weft_CHECK(elements >= weight.columns(), "one row of a weight must fit a storage buffer range");
    return (elements - weight.columns()) / weight.stride + 1;
}

bool by_sixteen_bytes(const Tensor& x, const Tensor& weight) {
    const uint32_t step = uint32_t(16 / size_of(weight.dtype));
    return weight.columns() % 8 == 0 && weight.stride % step == 0 && weight.start % step == 0 && x.stride % 4 == 0 && x.start % 4 == 0;
}

TileShape tile_shape(uint64_t rows, uint32_t columns, bool gated, uint32_t subgroup_size) {
    const auto tiles = [&](const TileShape& s) { return (rows + s.rows() - 1) / s.rows() * ((columns + s.columns(gated) - 1) / s.columns(gated)); };
    if (loads_apart(subgroup_size)) {
        // Measured on Mesa 26's lavapipe, [256 x 512] by [512 x 2816] in f16: three times as fast as the other form.
        TileShape s{.local = 128, .tx = 128, .tm = 32, .tn = 2, .kc = 64, .direct = 1};
        while (s.tm > 4 && s.tm / 2 >= rows) s.tm /= 2, s.tn = 4;
        while (s.local > 16 && tiles(s) < 8) s.local = s.tx = s.tx / 2;
        return s;
    }
    TileShape s{.local = 128, .tx = 16, .tm = 8, .tn = 4, .kc = 16, .direct = 0};
    while (s.tn > 2 && s.columns(gated) / 2 >= columns) s.tn /= 2;
    while (s.tm > 1 && s.rows() / 2 >= rows) s.tm /= 2;
    while (s.tm > 4 && tiles(s) < 64) s.tm /= 2; // wide devices want workgroups more than they want large tiles
    return s;
}

RowsShape rows_shape(uint32_t tokens, uint32_t columns, uint32_t depth, bool gated, uint32_t subgroup_size) {
    if (loads_apart(subgroup_size)) {
        // Each lane streams whole rows that lie side by side, long streams for the prefetcher, and nothing is to be summed up in the end. The odd number of rows a lane
        // keeps the lanes' streams apart in the sets of its caches where a row's bytes are a power of two.
        RowsShape s{.local = 8, .lanes = 1, .rows = tokens > 4 ? 4u : depth > 1024 || gated ? 2u : 1u, .passes = 0, .unroll = tokens <= 2 ? 4u : 1u};
        s.passes = (columns < 2048 ? 8 : 16) / s.rows - 1;
        if (gated) s.rows /= 2;
        return s;
    }
    RowsShape s{.local = 64, .lanes = std::min(subgroup_size, 32u), .rows = 2, .passes = 1, .unroll = 1};
    while (s.lanes > 4 && s.lanes * 8 > depth) s.lanes /= 2;
    if (columns >= 4096 && tokens <= 4 && !gated) s.rows = 4;
    return s;
}

} // namespace weft::kernel
