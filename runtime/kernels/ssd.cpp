// SPDX-License-Identifier: Apache-2.0
#include "kernels/ssd.hpp"
#include "kernels/matrix_scan.hpp"
#include "ssd.gen.hpp"
#include "ssd_step.gen.hpp"
#include <algorithm>

namespace weft::detail::kernel {

void ssd(Recorder& r, const SsdArgs& a) {
    weft_CHECK(a.step.sequences && a.step.max_tokens > 0, "step must be filled");
    const uint32_t heads = a.dt.columns();
    weft_CHECK(heads > 0 && a.x.columns() % heads == 0, "x must have heads * P columns, dt heads");
    weft_CHECK(a.state.rank == 4 && a.state.contiguous() && a.state.shape[1] == heads,
               "state must be [slots, heads, P, N]");
    const uint32_t columns = a.x.columns() / heads, size = a.state.columns();
    weft_CHECK(a.state.shape[2] == columns, "state must be [slots, heads, P, N], x [T, heads * P]");
    weft_CHECK(size > 0 && size <= 256 && a.b.columns() % size == 0 && a.c.columns() == a.b.columns(),
               "b and c must be [T, groups * N], N the last size of state, at most 256");
    const uint32_t groups = a.b.columns() / size;
    weft_CHECK(heads % groups == 0, "b: groups must divide the heads");
    weft_CHECK(a.y.columns() == a.x.columns(), "y must have as many columns as x");
    weft_CHECK(a.a.count() == heads && a.a.contiguous() && (!a.d || a.d.count() == heads) &&
                   (!a.dt_bias || a.dt_bias.count() == heads),
               "a, d and dt_bias must be [heads]");
    const Tensor bias = r.or_unused(a.dt_bias), d = r.or_unused(a.d);
    const uint32_t parts = (a.dt_bias ? 1u : 0u) | (a.d ? 2u : 0u);

    if (a.step.decode) {
        using K = shader::ssd_step;
        Tensor x = a.x, b = a.b, c = a.c;
        const Tensor xbc = one_buffer(r, a.step, {&x, &b, &c});
        uint32_t across = 32;
        while (across > 4 && across / 2 >= size) across /= 2;
        r.dispatch<K>(K::Variant::core,
                      {.LOCAL = 128, .ACROSS = across, .VALUES = (size + across - 1) / across, .PARTS = parts},
                      {.xbc = xbc,
                       .dt = a.dt,
                       .dt_bias = bias,
                       .a = a.a,
                       .d = d,
                       .y = a.y,
                       .state = a.state,
                       .sequences = a.step.sequences},
                      {.heads = heads,
                       .group_heads = heads / groups,
                       .rows = columns,
                       .states = size,
                       .stride = x.stride,
                       .x_start = x.start,
                       .b_start = b.start,
                       .c_start = c.start,
                       .dt_stride = a.dt.stride,
                       .dt_start = a.dt.start,
                       .y_stride = a.y.stride,
                       .y_start = a.y.start,
                       .dt_min = a.dt_min,
                       .dt_max = a.dt_max},
                      {.x = {(columns + 31) / 32 * 128}, .y = {heads}, .z = {1, Quantity::sequences}});
        return;
    }
    using K = shader::ssd;
    const Tensor b = pad_heads(r, a.step, a.b, groups), c = pad_heads(r, a.step, a.c, groups);
    const Tensor mix = r.temporary(DType::f32, {a.step.max_tokens, heads * kMixSsd}, "ssd decays");
    const ChunkTile tile = chunk_tile(r);
    const uint32_t group_heads = heads / groups, block = std::min(group_heads, 8u);
    r.dispatch<K>(
        K::Variant::core, {.LOCAL = tile.local, .DOWN = tile.down, .ACROSS = tile.across, .PARTS = parts},
        {.b = b, .c = c, .dt = a.dt, .dt_bias = bias, .a = a.a, .d = d, .mix_rows = mix, .sequences = a.step.sequences},
        {.heads = heads,
         .group_heads = group_heads,
         .block = block,
         .vectors = b.columns() / groups / 4,
         .b_stride = b.stride / 4,
         .b_start = b.start / 4,
         .c_stride = c.stride / 4,
         .c_start = c.start / 4,
         .dt_stride = a.dt.stride,
         .dt_start = a.dt.start,
         .dt_min = a.dt_min,
         .dt_max = a.dt_max},
        {.x = {groups * ((group_heads + block - 1) / block) * tile.local},
         .y = {1, Quantity::longest_new, kScanChunk},
         .z = {1, Quantity::sequences}});
    matrix_scan(r, {.step = a.step,
                    .q = c,
                    .k = b,
                    .v = a.x,
                    .mix = mix,
                    .y = a.y,
                    .state = a.state,
                    .heads = heads,
                    .key_heads = groups,
                    .size = size,
                    .columns = columns,
                    .delta = false,
                    .transposed = true});
}

} // namespace weft::detail::kernel
