// SPDX-License-Identifier: Apache-2.0
#include "kernels/linear_scan_channels.hpp"
#include "kernels/fit.hpp"
#include "kernels/matrix_scan.hpp"
#include "kernels/row_grid.hpp"
#include "linear_scan_channels.gen.hpp"
#include "linear_scan_decays.gen.hpp"
#include <algorithm>
#include <array>

namespace weft::detail::kernel {
namespace {

constexpr uint32_t kBlock = 4; // tokens that a value of the state meets at once

/// How the threads share out a state of `size` rows (padded) and `columns` columns a head.
shader::linear_scan_channels::Spec shared_out(const Recorder& r, uint32_t heads, uint32_t size, uint32_t columns,
                                              bool bonus) {
    shader::linear_scan_channels::Spec spec;
    const bool whole = whole_columns(r); // a subgroup reads one key
    spec.SIZE = size;
    spec.PARTS = whole ? 1 : parts_of(size);
    const uint32_t across = whole ? chunk_tile(r).local : std::min(128 / spec.PARTS, 32u);
    // On a CPU no more than 512 values of the state a thread, half of a small first cache; elsewhere few enough that
    // one sequence fills a GPU of middle size, and that a thread keeps them, its bonus, and the values and products of
    // a block.
    const uint32_t part = size / spec.PARTS;
    const uint32_t kept =
        whole ? std::clamp(512 / size, 1u, 4u) : fit(r.machine().registers, std::array{2u, 1u}, [&](uint32_t n) {
            return n * (part + 2 * kBlock) + (bonus ? part : 0) + 12; // a group of q, k, decay
        });
    const uint32_t most = std::min((columns + across - 1) / across, kept);
    spec.COLUMNS = 1;
    while (spec.COLUMNS * 2 <= most) spec.COLUMNS *= 2;
    if (!whole && heads * ((columns + across * spec.COLUMNS - 1) / (across * spec.COLUMNS)) < 64) spec.COLUMNS = 1;
    spec.LOCAL = across * spec.PARTS;
    spec.BLOCK = kBlock;
    spec.ROLLED = whole;
    return spec;
}

/// The decays of channels [T, heads * padded] from their logarithms.
Tensor exponentials(Recorder& r, const Step& step, const Tensor& g, uint32_t heads, uint32_t padded) {
    using K = shader::linear_scan_decays;
    const Tensor decay = r.temporary(DType::f32, {step.max_tokens, heads * padded}, "decays of channels");
    const RowGrid grid = row_grid(heads * padded, step.max_tokens, {1, Quantity::tokens});
    r.dispatch<K>(K::Variant::core, {.LOCAL_X = grid.x, .LOCAL_Y = grid.y}, {.g = g, .decay = decay},
                  {.columns = heads * padded,
                   .rows = step.max_tokens,
                   .size = g.columns() / heads,
                   .padded = padded,
                   .g_stride = g.stride,
                   .g_start = g.start},
                  grid.threads);
    return decay;
}

} // namespace

void linear_scan_channels(Recorder& r, const LinearScanChannelsArgs& a) {
    using K = shader::linear_scan_channels;
    const uint32_t heads = a.state.shape[1], size = a.state.shape[2], columns = a.state.shape[3];
    K::Spec spec = shared_out(r, heads, a.k.columns() / a.key_heads, columns, bool(a.bonus));
    spec.ROWS = size;
    spec.BONUS = bool(a.bonus);
    const uint32_t width = spec.LOCAL / spec.PARTS * spec.COLUMNS, slices = (columns + width - 1) / width;
    const Tensor decays = exponentials(r, a.step, a.decay, heads, spec.SIZE);
    r.dispatch<K>(K::Variant::core, spec,
                  {.q = a.q,
                   .k = a.k,
                   .v = a.v,
                   .decays = decays,
                   .bonus = r.or_unused(a.bonus),
                   .y = a.y,
                   .state = a.state,
                   .sequences = a.step.sequences},
                  {.heads = heads,
                   .ratio = heads / a.key_heads,
                   .columns = columns,
                   .q_stride = a.q.stride / 4,
                   .q_start = a.q.start / 4,
                   .k_stride = a.k.stride / 4,
                   .k_start = a.k.start / 4,
                   .v_stride = a.v.stride,
                   .v_start = a.v.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start,
                   .scale = a.scale},
                  {.x = {slices * spec.LOCAL}, .y = {heads}, .z = {1, Quantity::sequences}});
}

} // namespace weft::detail::kernel
