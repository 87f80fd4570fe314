// SPDX-License-Identifier: Apache-2.0
#include "kernels/wkv7_finish.hpp"
#include "wkv7_finish.gen.hpp"

namespace weft::detail::kernel {

void wkv7_finish(Recorder& r, const Wkv7FinishArgs& g) {
    const uint32_t keys = g.k.columns(), values = g.y.columns();
    weft_CHECK(g.heads > 0 && keys > 0 && values > 0 && keys % g.heads == 0 && values % g.heads == 0,
               "the columns of k and y must be whole heads");
    weft_CHECK(g.r.columns() == keys && g.r_k.count() == keys, "r must have the columns of k, r_k be [H * K]");
    weft_CHECK(g.v.columns() == values && g.gate.columns() == values, "v and gate must have the columns of y");
    weft_CHECK(g.weight.count() == values && g.bias.count() == values, "weight and bias must be [H * V]");
    uint32_t local = 64;
    while (local > 8 && local / 2 >= values / g.heads) local /= 2;
    using K = shader::wkv7_finish;
    r.dispatch<K>(
        K::Variant::core, {.LOCAL = local},
        {.y = g.y, .r = g.r, .k = g.k, .v = g.v, .gate = g.gate, .r_k = g.r_k, .weight = g.weight, .bias = g.bias},
        {.size = keys / g.heads,
         .columns = values / g.heads,
         .y_stride = g.y.stride,
         .y_start = g.y.start,
         .r_stride = g.r.stride,
         .r_start = g.r.start,
         .k_stride = g.k.stride,
         .k_start = g.k.start,
         .v_stride = g.v.stride,
         .v_start = g.v.start,
         .gate_stride = g.gate.stride,
         .gate_start = g.gate.start,
         .eps = g.eps},
        {.x = {g.heads * local}, .y = g.rows});
}

} // namespace weft::detail::kernel
