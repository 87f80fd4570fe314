// SPDX-License-Identifier: Apache-2.0
#include "kernels/matrix_scan.hpp"
#include "kernels/fit.hpp"
#include "kernels/resize_heads.hpp"
#include "matrix_scan.gen.hpp"
#include <algorithm>
#include <array>

namespace weft::detail::kernel {
namespace {

uint32_t ceil_to(uint32_t n, uint32_t multiple) { return (n + multiple - 1) / multiple * multiple; }

uint32_t lanes(const Recorder& r) { return std::clamp(r.machine().lanes, 4u, 16u); }

} // namespace

// On a CPU driver a subgroup is one vector register: threads with whole columns read keys and queries at addresses
// that the compiler knows to be the same for the whole subgroup, which is several times faster than per-thread reads.
// Drivers before Vulkan 1.4 take minutes to compile it.
bool whole_columns(const Recorder& r) {
    return r.machine().is_cpu() && r.device().summary().api_version >= (1u << 22 | 4u << 12);
}

uint32_t parts_of(uint32_t padded) {
    uint32_t parts = 8;
    while (padded % (4 * parts)) parts /= 2;
    return parts;
}

ChunkTile chunk_tile(const Recorder& r) {
    if (!whole_columns(r)) return {64, 1, 4};
    return {lanes(r), kScanChunk / lanes(r), kScanChunk};
}

uint32_t padded_size(const Recorder& r, uint32_t size) {
    const uint32_t padded = ceil_to(size, 4);
    // At most 32 rows of a column a thread, or its registers would not hold them.
    return whole_columns(r) || padded / parts_of(padded) <= 32 ? padded : ceil_to(size, 32);
}

Tensor pad_heads(Recorder& r, const Step& step, const Tensor& x, uint32_t heads) {
    const uint32_t size = x.columns() / heads, padded = padded_size(r, size);
    if (size == padded && x.stride % 4 == 0 && x.start % 4 == 0) return x;
    const Tensor y = r.temporary(DType::f32, {step.max_tokens, heads * padded}, "padded heads");
    resize_heads(r, {.x = x, .y = y, .heads = heads});
    return y;
}

Tensor one_buffer(Recorder& r, const Step& step, std::initializer_list<Tensor*> slices) {
    const Tensor& first = **slices.begin();
    const auto same = [&](const Tensor* t) {
        return t->resource == first.resource && t->offset == first.offset && t->stride == first.stride;
    };
    if (!std::all_of(slices.begin(), slices.end(), same)) {
        uint32_t columns = 0;
        for (const Tensor* t : slices) columns += t->columns();
        const Tensor all = r.temporary(DType::f32, {step.max_tokens, columns}, "gathered slices");
        uint32_t at = 0;
        for (Tensor* t : slices) {
            const Tensor to = all.slice_columns(at, t->columns());
            resize_heads(r, {.x = *t, .y = to});
            at += t->columns();
            *t = to;
        }
        return all;
    }
    uint32_t begin = ~0u, end = 0;
    for (const Tensor* t : slices) {
        begin = std::min(begin, t->start);
        end = std::max(end, t->start + t->columns());
    }
    Tensor all = first;
    all.start = begin;
    all.shape[all.rank - 1] = end - begin;
    return all;
}

void matrix_scan(Recorder& r, const MatrixScanArgs& a) {
    using K = shader::matrix_scan;
    const bool whole = whole_columns(r);
    K::Spec spec;
    spec.SIZE = a.q.columns() / a.key_heads;
    spec.ROWS = a.size;
    spec.DELTA = a.delta;
    spec.ROLLED = whole;
    spec.PARTS = whole ? 1 : parts_of(spec.SIZE);
    uint32_t across = whole ? lanes(r) : std::min(128 / spec.PARTS, 32u);
    // A workgroup's columns: no more than there are, nor than its shared memory holds;
    // on a CPU no more than 512 values of the state a thread, half of a small first cache; elsewhere few enough
    // that one sequence fills a GPU of middle size, and that a thread keeps them, its products and a chunk's u.
    const uint32_t rows = spec.SIZE / spec.PARTS + std::max(spec.PARTS, 4u) + kScanChunk;
    const uint32_t kept = whole ? std::max(512 / spec.SIZE, 1u)
                                : fit(r.machine().registers, std::array{2u, 1u}, [&](uint32_t n) { return n * rows; });
    const uint32_t most = std::min({64 / across, (a.columns + across - 1) / across, kept});
    spec.COLUMNS = 1;
    while (spec.COLUMNS * 2 <= most) spec.COLUMNS *= 2;
    if (!whole) {
        while (across > 8 && across / 2 >= a.columns) across /= 2;
        if (a.heads * ((a.columns + across * spec.COLUMNS - 1) / (across * spec.COLUMNS)) < 64) spec.COLUMNS = 1;
    }
    spec.LOCAL = across * spec.PARTS;
    spec.BLOCK = whole ? std::max(4 / spec.COLUMNS, 1u) : std::max(spec.PARTS, 4u);
    const uint32_t width = across * spec.COLUMNS, slices = (a.columns + width - 1) / width;
    r.dispatch<K>(
        K::Variant::core, spec,
        {.q = a.q, .k = a.k, .v = a.v, .mix_rows = a.mix, .y = a.y, .state = a.state, .sequences = a.step.sequences},
        {.heads = a.heads,
         .key_heads = a.key_heads,
         .ratio = a.tiled ? 1 : a.heads / a.key_heads,
         .columns = a.columns,
         .q_stride = a.q.stride / 4,
         .q_start = a.q.start / 4,
         .k_stride = a.k.stride / 4,
         .k_start = a.k.start / 4,
         .v_stride = a.v.stride,
         .v_start = a.v.start,
         .y_stride = a.y.stride,
         .y_start = a.y.start,
         .state_row = a.transposed ? 1 : a.columns,
         .state_column = a.transposed ? a.size : 1},
        {.x = {slices * spec.LOCAL}, .y = {a.heads}, .z = {1, Quantity::sequences}});
}

} // namespace weft::detail::kernel
