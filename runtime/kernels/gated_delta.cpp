// SPDX-License-Identifier: Apache-2.0
#include "kernels/gated_delta.hpp"
#include "gated_delta.gen.hpp"
#include "gated_delta_step.gen.hpp"
#include "kernels/matrix_scan.hpp"
#include <cmath>

namespace weft::detail::kernel {

void gated_delta(Recorder& r, const GatedDeltaArgs& args) {
    weft_CHECK(args.step.sequences && args.step.max_tokens > 0, "step must be filled");
    weft_CHECK(args.state.rank == 4 && args.state.contiguous(), "state must be [slots, Hv, dk, dv]");
    const uint32_t heads = args.state.shape[1], size = args.state.shape[2], columns = args.state.shape[3];
    weft_CHECK(heads > 0 && size > 0 && size <= 256 && columns > 0,
               "state must be [slots, Hv, dk, dv], dk at most 256");
    weft_CHECK(args.k.columns() % size == 0 && args.q.columns() == args.k.columns(), "q and k must be [T, Hk * dk]");
    const uint32_t key_heads = args.k.columns() / size;
    weft_CHECK(key_heads > 0 && heads % key_heads == 0, "k: the key heads must divide the value heads");
    weft_CHECK(args.v.columns() == heads * columns && args.y.columns() == heads * columns,
               "v and y must be [T, Hv * dv]");
    weft_CHECK(args.b.columns() == heads, "b must be [T, Hv]");
    weft_CHECK(!args.decay || (args.a && args.a.columns() == heads && args.a_head && args.a_head.count() == heads),
               "decay needs a [T, Hv] and a_head [Hv]");
    weft_CHECK(!args.dt_bias || args.dt_bias.count() == heads, "dt_bias must be [Hv]");
    const auto if_decay = [&](const Tensor& t) { return r.or_unused(args.decay ? t : Tensor{}); };
    const Tensor a = if_decay(args.a), bias = if_decay(args.dt_bias), a_head = if_decay(args.a_head);
    const uint32_t flags = (args.dt_bias && args.decay ? 1u : 0u) | (args.decay ? 2u : 0u) | (args.l2 ? 4u : 0u);
    const uint32_t ratio = args.tiled ? 1 : heads / key_heads; // neighbours that share a key head
    const float scale = args.scale != 0 ? args.scale : 1 / std::sqrt(float(size));

    if (args.step.decode) {
        using K = shader::gated_delta_step;
        Tensor q = args.q, k = args.k, v = args.v;
        const Tensor qkv = one_buffer(r, args.step, {&q, &k, &v});
        const bool cpu = r.machine().is_cpu();
        const uint32_t parts = cpu ? 1 : 4, local = cpu ? 32 : 128, across = local / parts;
        r.dispatch<K>(K::Variant::core, {.LOCAL = local, .PARTS = parts, .FLAGS = flags},
                      {.qkv = qkv,
                       .b = args.b,
                       .a = a,
                       .dt_bias = bias,
                       .a_head = a_head,
                       .y = args.y,
                       .state = args.state,
                       .sequences = args.step.sequences},
                      {.heads = heads,
                       .key_heads = key_heads,
                       .ratio = ratio,
                       .size = size,
                       .columns = columns,
                       .stride = q.stride,
                       .q_start = q.start,
                       .k_start = k.start,
                       .v_start = v.start,
                       .b_stride = args.b.stride,
                       .b_start = args.b.start,
                       .a_stride = a.stride,
                       .a_start = a.start,
                       .y_stride = args.y.stride,
                       .y_start = args.y.start,
                       .scale = scale,
                       .beta_scale = args.beta_scale},
                      {.x = {(columns + across - 1) / across * local}, .y = {heads}, .z = {1, Quantity::sequences}});
        return;
    }
    using K = shader::gated_delta;
    const Tensor q = pad_heads(r, args.step, args.q, key_heads), k = pad_heads(r, args.step, args.k, key_heads);
    const Tensor mix = r.temporary(DType::f32, {args.step.max_tokens, heads * kMixDelta}, "delta rule in chunks");
    const ChunkTile tile = chunk_tile(r);
    r.dispatch<K>(
        K::Variant::core, {.LOCAL = tile.local, .DOWN = tile.down, .ACROSS = tile.across, .FLAGS = flags},
        {.q = q,
         .k = k,
         .b = args.b,
         .a = a,
         .dt_bias = bias,
         .a_head = a_head,
         .mix_rows = mix,
         .sequences = args.step.sequences},
        {.heads = heads,
         .key_heads = key_heads,
         .ratio = ratio,
         .vectors = k.columns() / key_heads / 4,
         .q_stride = q.stride / 4,
         .q_start = q.start / 4,
         .k_stride = k.stride / 4,
         .k_start = k.start / 4,
         .b_stride = args.b.stride,
         .b_start = args.b.start,
         .a_stride = a.stride,
         .a_start = a.start,
         .scale = scale,
         .beta_scale = args.beta_scale},
        {.x = {key_heads * tile.local}, .y = {1, Quantity::longest_new, kScanChunk}, .z = {1, Quantity::sequences}});
    matrix_scan(r, {.step = args.step,
                    .q = q,
                    .k = k,
                    .v = args.v,
                    .mix = mix,
                    .y = args.y,
                    .state = args.state,
                    .heads = heads,
                    .key_heads = key_heads,
                    .size = size,
                    .columns = columns,
                    .delta = true,
                    .tiled = args.tiled});
}

} // namespace weft::detail::kernel
