// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool.hpp"
#include "pool.gen.hpp"
#include <algorithm>

namespace weft::detail::kernel {

void pool(Recorder& r, const PoolArgs& a, uint32_t lanes) {
    using K = shader::pool;
    weft_CHECK(a.y.columns() == a.x.columns(), "y must have as many columns as x");
    weft_CHECK(a.y.rows() >= a.step.max_sequences, "y must have a row for every sequence of the bucket");
    // Barriers cost software drivers most. Nothing of the step is looked at: the order of a sum must not depend on its
    // company.
    if (!lanes) lanes = r.machine().is_cpu() ? 1 : 8;
    r.dispatch<K>(K::Variant::core, {.LOCAL_X = std::min(64u, 128 / lanes), .LOCAL_Y = lanes, .KIND = uint32_t(a.kind)},
                  {.sequences = a.step.sequences, .x = a.x, .y = a.y},
                  {.columns = a.x.columns(),
                   .skip = a.skip,
                   .most = a.most,
                   .x_stride = a.x.stride,
                   .x_start = a.x.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start},
                  {.x = {a.x.columns()}, .z = {1, Quantity::sequences}});
}

void pool(Recorder& r, const PoolArgs& a) { pool(r, a, 0); }

} // namespace weft::detail::kernel
