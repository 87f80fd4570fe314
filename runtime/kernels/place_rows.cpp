// SPDX-License-Identifier: Apache-2.0
#include "kernels/place_rows.hpp"
#include "kernels/kv_slots.hpp"
#include "kernels/row_grid.hpp"
#include "place_rows.gen.hpp"

namespace weft::detail::kernel {

void place_rows(Recorder& r, const PlaceRowsArgs& a) {
    using K = shader::place_rows;
    const uint32_t columns = a.y.columns(), capacity = a.memory.shape[2];
    weft_CHECK(cache_fits(a.memory, 1, columns) && a.memory.dtype == DType::f32,
               "memory must be f32 [slots, 1, capacity, D], with the columns of y");
    weft_CHECK(uint64_t(a.memory.shape[0]) * capacity < kNoPlace, "32 bits must count the rows of all memories");
    weft_CHECK(a.places.count() >= a.y.rows(), "there must be a place for every row of y");
    for (const Tensor& t : {a.x, a.residual})
        weft_CHECK(!t || (t.columns() == columns && t.rows() >= a.y.rows()), "x and residual must have the shape of y");
    const bool vectors = by_four({a.x, a.memory, a.residual, a.y});
    const uint32_t n = vectors ? 4 : 1;
    const RowGrid grid = row_grid(columns / n, a.y.rows(), {1, Quantity::tokens});
    for (const SlotRange& range : slot_ranges(r, a.memory, a.memory))
        r.dispatch<K>(
            vectors ? K::Variant::vectors : K::Variant::core,
            {.LOCAL_X = grid.x, .LOCAL_Y = grid.y, .RESIDUAL = a.residual ? 1u : 0u, .ELSEWHERE = a.x ? 1u : 0u},
            {.x = r.or_unused(a.x),
             .places = a.places,
             .memory = slots_of(a.memory, range),
             .residual = r.or_unused(a.residual),
             .y = a.y},
            {.columns = columns / n,
             .tokens = uint32_t(a.y.rows()),
             .first = range.first * capacity,
             .rows = range.count * capacity,
             .all = a.memory.shape[0] * capacity,
             .x_stride = a.x.stride / n,
             .x_start = a.x.start / n,
             .y_stride = a.y.stride / n,
             .y_start = a.y.start / n,
             .residual_stride = a.residual.stride / n,
             .residual_start = a.residual.start / n,
             .scale = a.scale},
            grid.threads);
}

} // namespace weft::detail::kernel
