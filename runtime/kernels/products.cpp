// SPDX-License-Identifier: Apache-2.0
#include "kernels/products.hpp"
#include "kernels/fit.hpp"
#include "kernels/norm.hpp"
#include "norm.gen.hpp"
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace weft::detail::kernel {
namespace {

// Addresses, and what a thread has loaded of x: eight elements.
constexpr uint32_t kOverhead = 16;

// Columns of W that a lane takes at a time in products of few rows.
uint32_t span_of(const BlockInfo& info) { return info.elements == 1 ? 8 : std::min(info.elements, 128u); }

// What a thread holds on a GPU that takes n rows of W (twice as many, if gated) for `tokens` of x.
uint32_t values_of_rows(uint32_t n, uint32_t tokens, const Tensor& weight, bool gated) {
    const BlockInfo info = block_info(weight.dtype);
    const uint32_t words = info.elements == 1 ? 16 : (span_of(info) * info.bytes / info.elements + 3) / 4 / 4 + 8;
    return n * (gated ? 2 : 1) * (tokens + words) + kOverhead;
}

} // namespace

uint32_t weight_type(const Tensor& weight) {
    const BlockInfo info = block_info(weight.dtype);
    weft_CHECK(weight.dtype != DType::u32 && weight.dtype != DType::i32, "weight must be f32, f16, bf16 or in blocks");
    weft_CHECK(weight.columns() % info.elements == 0 && weight.stride % info.elements == 0 &&
                   weight.start % info.elements == 0,
               "rows of a weight must be whole blocks");
    return info.number;
}

Tensor weight_rows(const Tensor& weight, uint64_t first, uint64_t count) {
    const BlockInfo info = block_info(weight.dtype);
    const uint64_t block = (first * weight.stride + weight.start) / info.elements,
                   whole = Tensor::kAlignment / std::gcd(Tensor::kAlignment, uint64_t(info.bytes));
    Tensor t = weight;
    t.rank = 2;
    t.shape = {uint32_t(count), weight.columns()};
    // The last block at or before the first row that begins on the alignment.
    t.offset += block / whole * whole * info.bytes;
    t.start = uint32_t(block % whole * info.elements);
    return t;
}

uint64_t rows_in_range(const Tensor& weight, uint64_t range) {
    const BlockInfo info = block_info(weight.dtype);
    // What weight_rows leaves before the first row, and the words read behind the last one;
    // shaders count elements in 32 bits.
    const uint64_t blocks = (range - Tensor::kAlignment * info.bytes - 8) / info.bytes,
                   elements = std::min<uint64_t>(blocks * info.elements, 0xffffffffu);
    if (elements < weight.columns()) return 0;
    return (elements - weight.columns()) / weight.stride + 1;
}

bool by_sixteen_bytes(const Tensor& x, const Tensor& weight) {
    if (x.stride % 4 != 0 || x.start % 4 != 0) return false;
    if (in_blocks(weight.dtype)) return true; // read by words
    const uint32_t step = uint32_t(16 / size_of(weight.dtype));
    return weight.columns() % 8 == 0 && weight.stride % step == 0 && weight.start % step == 0;
}

TileShape tile_shape(const Machine& machine, uint64_t rows, uint32_t columns, bool gated) {
    const auto tiles = [&](const TileShape& s) {
        return (rows + s.rows() - 1) / s.rows() * ((columns + s.columns(gated) - 1) / s.columns(gated));
    };
    if (machine.is_cpu()) {
        // Lanes gain nothing by loading from neighbouring addresses. Measured on Mesa 26's lavapipe, [256 x 512] by
        // [512 x 2816] in f16: three times as fast as the other form.
        TileShape s{.local = 128, .tx = 128, .tm = 32, .tn = 2, .kc = 64, .direct = 1};
        while (s.tm > 4 && s.tm / 2 >= rows) {
            s.tm /= 2;
            s.tn = 4;
        }
        while (s.local > 16 && (tiles(s) < 8 || s.columns(gated) / 2 >= columns)) s.local = s.tx = s.tx / 2;
        return s;
    }
    // Sums, and eight elements of each row of W.
    using Sums = std::pair<uint32_t, uint32_t>;
    const auto [tm, tn] = fit(machine.registers_of_few(), std::array<Sums, 4>{{{8, 4}, {4, 4}, {4, 2}, {2, 2}}},
                              [](const Sums& s) { return s.first * s.second + 8 * s.second + kOverhead; });
    TileShape s{.local = 128, .tx = 16, .tm = tm, .tn = tn, .kc = 16, .direct = 0};
    while (s.tn > 2 && s.columns(gated) / 2 >= columns) s.tn /= 2;
    while (s.tm > 1 && s.rows() / 2 >= rows) s.tm /= 2;
    while (s.tm > 4 && tiles(s) < 64) s.tm /= 2; // wide devices want workgroups more than they want large tiles
    return s;
}

bool few_rows_fit(const Machine& machine, uint32_t tokens, const Tensor& weight, bool gated) {
    // Compilers share what they load; beyond twice the count they spill (Mali: 62 values beside 64 registers).
    return tokens <= 8 && (machine.is_cpu() || values_of_rows(1, tokens, weight, gated) <= 2 * machine.registers);
}

RowsShape rows_shape(const Machine& machine, uint32_t tokens, uint32_t columns, const Tensor& weight, bool gated) {
    const BlockInfo info = block_info(weight.dtype);
    const uint32_t depth = weight.columns(), span = span_of(info);
    if (machine.is_cpu()) {
        // Each lane streams whole rows that lie side by side, long streams for the prefetcher, and nothing is to be
        // summed up in the end. The odd number of rows a lane keeps the lanes' streams apart in the sets of its caches
        // where a row's bytes are a power of two.
        RowsShape s{.local = std::max(8u, machine.lanes),
                    .lanes = 1,
                    .rows = tokens > 4              ? 4u
                            : depth > 1024 || gated ? 2u
                                                    : 1u,
                    .passes = 0,
                    .unroll = tokens <= 2 && span < 32 ? 32 / span : 1u,
                    .spread = 1};
        s.passes = (columns < 2048 ? 8 : 16) / s.rows - 1;
        if (gated) s.rows /= 2;
        return s;
    }
    // A lane reads neighbouring words, and little at a time: loads of a subgroup coalesce, and many lanes share the
    // unpacking. Of plain weights two loads are in flight. Registers hold the sums, and what is loaded of each row of
    // W: eight elements, or the words that a lane's part of a span shares.
    const bool plain = info.elements == 1;
    const uint32_t spread = plain ? 1 : 4;
    const std::array<uint32_t, 3> rows{4, 2, 1};
    const uint32_t fewest = columns >= 4096 && tokens <= 4 && !gated ? 0 : 1;
    RowsShape s{.local = 64,
                .lanes = std::clamp(machine.lanes, 4u, 32u),
                .rows = fit(machine.registers, std::span(rows).subspan(fewest),
                            [&](uint32_t n) { return values_of_rows(n, tokens, weight, gated); }),
                .passes = 1,
                .unroll = plain ? 2u : 1u,
                .spread = spread};
    while (s.lanes > 4 && s.lanes / s.spread * span > depth) s.lanes /= 2;
    while (columns / s.columns() >= 65535) s.passes *= 2; // every device allows so many workgroups
    return s;
}

std::optional<NormedInput> normed_input(const Recorder& r, const Tensor& x, const Tensor& y) {
    using K = shader::norm;
    if (r.machine().is_cpu()) return {}; // every lane would add up the squares of a whole row
    const vk::Call* made = r.made_by(x);
    if (!made || made->kernel != &K::info) return {};
    K::Spec spec;
    K::Push push;
    std::memcpy(static_cast<void*>(&spec), made->spec.data(), sizeof spec);
    std::memcpy(static_cast<void*>(&push), made->push.data(), sizeof push);
    if (spec.KIND != uint32_t(NormKind::rms) || spec.GATE != uint32_t(Gate::none) || spec.PARTS != 1 ||
        made->arguments[1].start % 4 != 0 ||
        push.width * (made->variant == uint32_t(K::Variant::vectors) ? 4 : 1) != x.columns() || push.scale != 1 ||
        made->arguments[0].resource == y.resource)
        return {};
    return NormedInput{made->arguments[0], made->arguments[1], push.eps};
}

} // namespace weft::detail::kernel
