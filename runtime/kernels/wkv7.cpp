// SPDX-License-Identifier: Apache-2.0
#include "kernels/wkv7.hpp"
#include "kernels/matrix_scan.hpp"
#include "wkv7.gen.hpp"
#include "wkv7_step.gen.hpp"
#include <algorithm>

namespace weft::detail::kernel {

void wkv7(Recorder& r, const Wkv7Args& args) {
    Wkv7Args g = args;
    weft_CHECK(g.step.sequences && g.step.max_tokens > 0, "step must be filled");
    weft_CHECK(g.state.rank == 4 && g.state.contiguous(), "state must be [slots, H, K, V]");
    const uint32_t heads = g.state.shape[1], size = g.state.shape[2], columns = g.state.shape[3];
    weft_CHECK(heads > 0 && size > 0 && size <= 128 && columns > 0, "state must be [slots, H, K, V], K at most 128");
    for (const Tensor* t : {&g.r, &g.w, &g.k, &g.a, &g.b})
        weft_CHECK(t->columns() == heads * size, "r, w, k, a and b must be [T, H * K]");
    weft_CHECK(g.v.columns() == heads * columns && g.y.columns() == heads * columns, "v and y must be [T, H * V]");
    const Tensor rows = one_buffer(r, g.step, {&g.r, &g.w, &g.k, &g.v, &g.a, &g.b});
    const auto run = [&]<class K>(const typename K::Spec& spec, uint32_t across) {
        r.dispatch<K>(
            K::Variant::core, spec, {.rows = rows, .y = g.y, .state = g.state, .sequences = g.step.sequences},
            {.heads = heads,
             .size = size,
             .columns = columns,
             .stride = g.r.stride,
             .r_start = g.r.start,
             .w_start = g.w.start,
             .k_start = g.k.start,
             .v_start = g.v.start,
             .a_start = g.a.start,
             .b_start = g.b.start,
             .y_stride = g.y.stride,
             .y_start = g.y.start},
            {.x = {(columns + across - 1) / across * spec.LOCAL}, .y = {heads}, .z = {1, Quantity::sequences}});
    };
    const bool cpu = r.machine().is_cpu();
    if (g.step.decode) return run.operator()<shader::wkv7_step>({.LOCAL = cpu ? 32u : 64u}, cpu ? 32 : 64);
    // On a CPU few threads, each with several columns, so that what they share is read for more of them at once.
    shader::wkv7::Spec spec{
        .LOCAL = cpu ? std::clamp(r.machine().lanes, 4u, 16u) : 64u, .VECTORS = (size + 3) / 4, .COLUMNS = 1};
    while (cpu && spec.COLUMNS < 8 && spec.LOCAL * spec.COLUMNS < columns) spec.COLUMNS *= 2;
    spec.STAGE = std::min(192 / spec.VECTORS, 33u) - 1;
    run.operator()<shader::wkv7>(spec, spec.LOCAL * spec.COLUMNS);
}

} // namespace weft::detail::kernel
