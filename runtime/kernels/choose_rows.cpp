// SPDX-License-Identifier: Apache-2.0
#include "kernels/choose_rows.hpp"
#include "choose_rows.gen.hpp"

namespace weft::detail::kernel {

void choose_rows(Recorder& r, const ChooseRowsArgs& a) {
    using K = shader::choose_rows;
    weft_CHECK(a.x.columns() == 1 && a.y.columns() == 1 && a.x.rows() >= a.y.rows(), "x and y must be [T, 1]");
    weft_CHECK(a.capacity >= 0 && a.capacity <= 1, "capacity must be a share");
    const uint32_t local = a.step.decode ? 1 : 64;
    r.dispatch<K>(K::Variant::core, {.LOCAL = local, .LARGEST = a.capacity > 0},
                  {.x = a.x, .sequences = a.step.sequences, .y = a.y},
                  {.share = share_of(a.capacity),
                   .x_stride = a.x.stride,
                   .x_start = a.x.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start},
                  {.x = {local, Quantity::sequences}});
}

} // namespace weft::detail::kernel
