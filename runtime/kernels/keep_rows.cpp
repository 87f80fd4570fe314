// SPDX-License-Identifier: Apache-2.0
#include "kernels/keep_rows.hpp"
#include "keep_rows.gen.hpp"
#include "kernels/kv_slots.hpp"
#include "kernels/row_grid.hpp"

namespace weft::detail::kernel {

void keep_rows(Recorder& r, const KeepRowsArgs& a) {
    using K = shader::keep_rows;
    const uint32_t columns = a.x.columns();
    weft_CHECK(a.x.dtype == DType::f32 && a.memory.dtype == DType::f32, "x and memory must be f32");
    weft_CHECK(cache_fits(a.memory, 1, columns), "memory must be [slots, 1, capacity, D], with the columns of x");
    weft_CHECK(a.x.rows() <= a.step.max_tokens, "x must not have more rows than the step");
    const bool vectors = by_four({a.x, a.memory});
    const uint32_t n = vectors ? 4 : 1;
    const RowGrid grid = row_grid(columns / n, a.x.rows(), {1, Quantity::tokens});
    for (const SlotRange& range : slot_ranges(r, a.memory, a.memory))
        r.dispatch<K>(vectors ? K::Variant::vectors : K::Variant::core, {.LOCAL_X = grid.x, .LOCAL_Y = grid.y},
                      {.x = a.x,
                       .header = a.step.header,
                       .sequences = a.step.sequences,
                       .token_sequence = a.step.token_sequence,
                       .memory = slots_of(a.memory, range)},
                      {.columns = columns / n,
                       .rows = uint32_t(a.x.rows()),
                       .x_stride = a.x.stride / n,
                       .x_start = a.x.start / n,
                       .capacity = a.memory.shape[2],
                       .first_slot = range.first,
                       .slots = range.count},
                      grid.threads);
}

} // namespace weft::detail::kernel
