// SPDX-License-Identifier: Apache-2.0
#include "kernels/linear_scan.hpp"
#include "kernels/linear_scan_channels.hpp"
#include "kernels/matrix_scan.hpp"
#include "linear_scan.gen.hpp"
#include "linear_scan_step.gen.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::kernel {

void linear_scan(Recorder& r, const LinearScanArgs& a) {
    weft_CHECK(a.step.sequences && a.step.max_tokens > 0, "step must be filled");
    weft_CHECK(a.state.rank == 4 && a.state.contiguous(), "state must be [slots, H, K, V]");
    const uint32_t heads = a.state.shape[1], size = a.state.shape[2], columns = a.state.shape[3];
    weft_CHECK(heads > 0 && size > 0 && size <= 256 && columns > 0, "state must be [slots, H, K, V], K at most 256");
    weft_CHECK(a.k.columns() % size == 0 && a.q.columns() == a.k.columns(), "q and k must be [T, Hk * K]");
    const uint32_t key_heads = a.k.columns() / size;
    weft_CHECK(key_heads > 0 && heads % key_heads == 0, "k: the key heads must divide the heads of state");
    weft_CHECK(a.v.columns() == heads * columns && a.y.columns() == heads * columns, "v and y must be [T, H * V]");
    const bool decays = a.decay_of != DecayOf::none, channels = a.decay_of == DecayOf::channel;
    weft_CHECK(bool(a.decay) == decays && (!decays || a.decay.columns() == heads * (channels ? size : 1)),
               "decay must be absent, [H], [T, H] or [T, H * K], as decay_of says");
    weft_CHECK(a.decay_of != DecayOf::head || a.decay.rank == 1, "decay of heads must be [H]");
    weft_CHECK(!a.bonus || (channels && a.bonus.contiguous() && a.bonus.count() == uint64_t(heads) * size),
               "bonus must be [H, K], and needs decays of channels");
    const Tensor decay = r.or_unused(decays ? a.decay : Tensor{}), bonus = r.or_unused(a.bonus);
    const uint32_t decay_stride = a.decay_of == DecayOf::head ? 0 : decay.stride, ratio = heads / key_heads;
    const float scale = a.scale != 0 ? a.scale : 1 / std::sqrt(float(size));

    if (a.step.decode) {
        using K = shader::linear_scan_step;
        const bool cpu = r.machine().is_cpu();
        const uint32_t parts = cpu ? 1 : 4, local = cpu ? 32 : 128, across = local / parts;
        r.dispatch<K>(K::Variant::core,
                      {.LOCAL = local, .PARTS = parts, .DECAY = channels ? 2u : decays, .BONUS = bool(a.bonus)},
                      {.q = a.q,
                       .k = a.k,
                       .v = a.v,
                       .log_decay = decay,
                       .bonus = bonus,
                       .y = a.y,
                       .state = a.state,
                       .sequences = a.step.sequences},
                      {.heads = heads,
                       .ratio = ratio,
                       .size = size,
                       .columns = columns,
                       .q_stride = a.q.stride,
                       .q_start = a.q.start,
                       .k_stride = a.k.stride,
                       .k_start = a.k.start,
                       .v_stride = a.v.stride,
                       .v_start = a.v.start,
                       .decay_stride = decay_stride,
                       .decay_start = decay.start,
                       .y_stride = a.y.stride,
                       .y_start = a.y.start,
                       .scale = scale},
                      {.x = {(columns + across - 1) / across * local}, .y = {heads}, .z = {1, Quantity::sequences}});
        return;
    }
    const Tensor q = pad_heads(r, a.step, a.q, key_heads), k = pad_heads(r, a.step, a.k, key_heads);
    if (channels) {
        linear_scan_channels(r, {.step = a.step,
                                 .q = q,
                                 .k = k,
                                 .v = a.v,
                                 .decay = decay,
                                 .bonus = a.bonus,
                                 .y = a.y,
                                 .state = a.state,
                                 .key_heads = key_heads,
                                 .scale = scale});
        return;
    }
    using K = shader::linear_scan;
    const Tensor mix = r.temporary(DType::f32, {a.step.max_tokens, heads * kMixSsd}, "linear attention in chunks");
    const ChunkTile tile = chunk_tile(r);
    const uint32_t block = std::min(ratio, 8u);
    r.dispatch<K>(K::Variant::core, {.LOCAL = tile.local, .DOWN = tile.down, .ACROSS = tile.across, .DECAY = decays},
                  {.q = q, .k = k, .log_decay = decay, .mix_rows = mix, .sequences = a.step.sequences},
                  {.heads = heads,
                   .group_heads = ratio,
                   .block = block,
                   .vectors = k.columns() / key_heads / 4,
                   .q_stride = q.stride / 4,
                   .q_start = q.start / 4,
                   .k_stride = k.stride / 4,
                   .k_start = k.start / 4,
                   .decay_stride = decay_stride,
                   .decay_start = decay.start,
                   .scale = scale},
                  {.x = {key_heads * ((ratio + block - 1) / block) * tile.local},
                   .y = {1, Quantity::longest_new, kScanChunk},
                   .z = {1, Quantity::sequences}});
    matrix_scan(r, {.step = a.step,
                    .q = q,
                    .k = k,
                    .v = a.v,
                    .mix = mix,
                    .y = a.y,
                    .state = a.state,
                    .heads = heads,
                    .key_heads = key_heads,
                    .size = size,
                    .columns = columns});
}

} // namespace weft::detail::kernel
