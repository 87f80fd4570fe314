// SPDX-License-Identifier: Apache-2.0
#include "kernels/moe_sort.hpp"
#include "moe_sort.gen.hpp"

namespace weft::detail::kernel {

void moe_sort(Recorder& r, const MoeSortArgs& a) {
    using K = shader::moe_sort;
    const uint32_t choices = a.experts.columns(), tokens = uint32_t(a.experts.rows()),
                   experts = uint32_t(a.offsets.count()) - 1;
    weft_CHECK(a.offsets.count() >= 2, "offsets must be [E + 1]");
    weft_CHECK(a.experts.contiguous() && a.order.contiguous() && a.offsets.contiguous(),
               "experts, order and offsets must be whole");
    weft_CHECK(a.order.count() >= a.experts.count(), "order must have room for every pair");
    // Few pairs: few lanes, so that one workgroup takes many experts. Many pairs: short stretches.
    uint32_t local = 8;
    while (local < 128 && local * 8 < a.experts.count()) local *= 2;
    const uint32_t range = 2048 / local;
    r.dispatch<K>(K::Variant::core, {.LOCAL = local, .RANGE = range, .CHOICES = choices},
                  {.header = a.header, .chosen = a.experts, .order = a.order, .offsets = a.offsets},
                  {.experts = experts, .tokens = tokens}, {.x = {(experts + range - 1) / range * local}});
}

} // namespace weft::detail::kernel
