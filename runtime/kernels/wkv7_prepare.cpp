// SPDX-License-Identifier: Apache-2.0
#include "kernels/wkv7_prepare.hpp"
#include "wkv7_prepare.gen.hpp"

namespace weft::detail::kernel {

void wkv7_prepare(Recorder& r, const Wkv7PrepareArgs& g) {
    const uint32_t keys = g.k.columns(), values = g.v ? g.v.columns() : 0;
    weft_CHECK(g.heads > 0 && keys > 0 && keys % g.heads == 0 && values % g.heads == 0,
               "the columns of k and v must be whole heads");
    weft_CHECK(g.rate.columns() == keys && g.a.columns() == keys, "rate and a must have the columns of k");
    weft_CHECK(g.k_k.count() == keys && g.k_a.count() == keys, "k_k and k_a must be [H * K]");
    weft_CHECK(bool(g.v) == bool(g.v_first) && bool(g.v) == bool(g.gate), "v, v_first and gate come together");
    weft_CHECK(!g.v || (g.v_first.columns() == values && g.gate.columns() == values),
               "v_first and gate must have the columns of v");
    uint32_t local = 64;
    while (local > 8 && local / 2 >= keys / g.heads) local /= 2;
    using K = shader::wkv7_prepare;
    r.dispatch<K>(K::Variant::core, {.LOCAL = local, .MIXED = bool(g.v)},
                  {.k = g.k,
                   .rate = g.rate,
                   .a = g.a,
                   .v = r.or_unused(g.v),
                   .v_first = r.or_unused(g.v_first),
                   .gate = r.or_unused(g.gate),
                   .k_k = g.k_k,
                   .k_a = g.k_a},
                  {.size = keys / g.heads,
                   .columns = values / g.heads,
                   .k_stride = g.k.stride,
                   .k_start = g.k.start,
                   .rate_stride = g.rate.stride,
                   .rate_start = g.rate.start,
                   .a_stride = g.a.stride,
                   .a_start = g.a.start,
                   .v_stride = g.v.stride,
                   .v_start = g.v.start,
                   .v_first_stride = g.v_first.stride,
                   .v_first_start = g.v_first.start,
                   .gate_stride = g.gate.stride,
                   .gate_start = g.gate.start},
                  {.x = {g.heads * local}, .y = g.rows});
}

} // namespace weft::detail::kernel
