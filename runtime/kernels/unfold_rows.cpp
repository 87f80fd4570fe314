// SPDX-License-Identifier: Apache-2.0
#include "kernels/unfold_rows.hpp"
#include "kernels/row_grid.hpp"
#include "unfold_rows.gen.hpp"

namespace weft::detail::kernel {

void unfold_rows(Recorder& r, const UnfoldRowsArgs& a) {
    using K = shader::unfold_rows;
    const PatchCut& cut = a.cut;
    weft_CHECK(cut.patch_y > 0 && cut.patch_x > 0 && cut.stride_y > 0 && cut.stride_x > 0,
               "the window and strides must not be 0");
    const uint32_t all = cut.patch_y * cut.patch_x, taps = a.taps ? a.taps : all - a.first_tap;
    weft_CHECK(a.first_tap < all && taps <= all - a.first_tap, "taps must lie within the window");
    weft_CHECK(a.y.columns() == uint64_t(taps) * a.x.columns(), "y must be [T, taps * C]");
    weft_CHECK(!a.same || (cut.stride_y == 1 && cut.stride_x == 1), "strides must be 1 where the grids are the same");
    weft_CHECK(a.sequences && a.token_sequence.count() >= a.y.rows() && a.positions.count() >= a.y.rows(),
               "there must be a sequence and a position for every row of y");
    weft_CHECK(!a.sides || (a.sides.columns() == 2 && a.sides.contiguous()), "sides must be [S, 2]");
    const bool vectors = by_four({a.x, a.y});
    const uint32_t n = vectors ? 4 : 1;
    const RowGrid grid = row_grid(a.y.columns() / n, a.y.rows(), a.rows);
    r.dispatch<K>(vectors ? K::Variant::vectors : K::Variant::core,
                  {.LOCAL_X = grid.x,
                   .LOCAL_Y = grid.y,
                   .TAPS_Y = cut.patch_y,
                   .TAPS_X = cut.patch_x,
                   .STRIDE_X = cut.stride_x,
                   .LINE = !a.sides,
                   .COLUMNS_FIRST = a.columns_first},
                  {.x = a.x,
                   .sequences = a.sequences,
                   .sides = r.or_unused(a.sides),
                   .token_sequence = a.token_sequence,
                   .positions = a.positions,
                   .y = a.y},
                  {.columns = a.y.columns() / n,
                   .rows = uint32_t(a.y.rows()),
                   .channels = a.x.columns() / n,
                   .first_tap = a.first_tap,
                   .stride_y = cut.stride_y,
                   .pad_y = cut.pad_y,
                   .pad_x = cut.pad_x,
                   .more = a.same ? ~0u : 2 * cut.pad_x - cut.patch_x, // below 0 it wraps, and wraps back
                   .x_stride = a.x.stride / n,
                   .x_start = a.x.start / n,
                   .y_stride = a.y.stride / n,
                   .y_start = a.y.start / n},
                  grid.threads);
}

} // namespace weft::detail::kernel
