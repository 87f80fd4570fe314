// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention_pool.hpp"
#include "attention_pool.gen.hpp"

namespace weft::detail::kernel {

void attention_pool(Recorder& r, const AttentionPoolArgs& a) {
    using K = shader::attention_pool;
    constexpr uint32_t kLocal = 64;
    const uint32_t columns = a.y.columns();
    weft_CHECK(a.heads > 0 && columns % a.heads == 0, "heads must divide the columns of y");
    weft_CHECK(a.q.count() == columns && a.q.contiguous(), "q must be one row with the columns of y");
    weft_CHECK(a.k.columns() == columns && a.v.columns() == columns, "k and v must have the columns of y");
    weft_CHECK(a.y.rows() >= a.step.max_sequences, "y must have a row for every sequence of the bucket");
    r.dispatch<K>(K::Variant::core, {.LOCAL = kLocal, .SIZE = columns / a.heads},
                  {.sequences = a.step.sequences, .q = a.q, .k = a.k, .v = a.v, .y = a.y},
                  {.k_stride = a.k.stride,
                   .k_start = a.k.start,
                   .v_stride = a.v.stride,
                   .v_start = a.v.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start,
                   .scale = a.scale},
                  {.x = {kLocal}, .y = {a.heads}, .z = {1, Quantity::sequences}});
}

} // namespace weft::detail::kernel
