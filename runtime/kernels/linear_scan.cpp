// SPDX-License-Identifier: Apache-2.0
#include "kernels/linear_scan.hpp"
#include "kernels/matrix_scan.hpp"
#include "linear_scan.gen.hpp"
#include <algorithm>
#include <cmath>

namespace weft::kernel {
namespace {

/// How the threads share out a state of `size` rows and `columns` columns a head.
shader::linear_scan::Spec shared_out(const Recorder& r, bool step, uint32_t heads, uint32_t size, uint32_t columns) {
    shader::linear_scan::Spec spec;
    const ChunkTile tile = chunk_tile(r);
    const bool whole = tile.across == kScanChunk; // a CPU: a thread has whole columns, and a subgroup reads one key
    spec.PARTS = whole ? 1 : 8;
    while (spec.PARTS > 1 && 2 * spec.PARTS >= size) spec.PARTS /= 2;
    const uint32_t multiple = 4 * spec.PARTS;
    spec.SIZE = (size + multiple - 1) / multiple * multiple;
    const uint32_t across = whole ? tile.local : std::min(128 / spec.PARTS, 32u);
    // On a CPU no more than 512 values of the state a thread, half of a small first cache; elsewhere few enough that
    // one sequence fills a GPU of middle size.
    const uint32_t most = std::min((columns + across - 1) / across, whole ? std::clamp(512 / spec.SIZE, 1u, 4u) : 2u);
    spec.COLUMNS = 1;
    while (spec.COLUMNS * 2 <= most) spec.COLUMNS *= 2;
    if (!whole && heads * ((columns + across * spec.COLUMNS - 1) / (across * spec.COLUMNS)) < 64) spec.COLUMNS = 1;
    spec.LOCAL = across * spec.PARTS;
    spec.BLOCK = step ? 1 : 4;
    spec.STAGE = step ? 1 : std::min(1024 / spec.SIZE / 4 * 4, 32u);
    spec.ROLLED = whole;
    return spec;
}

} // namespace

void linear_scan(Recorder& r, const LinearScanArgs& a) {
    weft_CHECK(a.step.sequences && a.step.max_tokens > 0, "step must be filled");
    weft_CHECK(a.state.rank == 4 && a.state.contiguous(), "state must be [slots, H, K, V]");
    const uint32_t heads = a.state.shape[1], size = a.state.shape[2], columns = a.state.shape[3];
    weft_CHECK(heads > 0 && size > 0 && size <= 256 && columns > 0, "state must be [slots, H, K, V], K at most 256");
    /// Heads of the state for each head of `t`; 0 where it has none that divide them.
    const auto ratio = [&](const Tensor& t, uint32_t width) {
        const uint32_t own = t.columns() / width;
        return own > 0 && t.columns() % width == 0 && heads % own == 0 ? heads / own : 0u;
    };
    const uint32_t q_ratio = ratio(a.q, size), k_ratio = ratio(a.k, size), v_ratio = ratio(a.v, columns);
    weft_CHECK(q_ratio > 0 && k_ratio > 0, "q and k must be [T, heads * K], their heads divide those of state");
    weft_CHECK(v_ratio > 0, "v must be [T, heads * V], its heads divide those of state");
    weft_CHECK(a.y.columns() == heads * columns, "y must be [T, H * V]");
    const bool decays = a.decay_of != DecayOf::none, channels = a.decay_of == DecayOf::channel,
               constant = a.decay_of == DecayOf::head;
    weft_CHECK(bool(a.decay) == decays && (!constant || (a.decay.rank == 1 && a.decay.contiguous())),
               "decay must be absent with none, [heads] with head");
    const Tensor decay = decays ? a.decay : r.unused();
    const uint32_t decay_ratio = decays ? ratio(decay, channels ? size : 1) : heads;
    weft_CHECK(decay_ratio > 0, "decay: the heads must divide those of state; with channel it is [T, heads * K]");
    weft_CHECK(!a.bonus || (a.bonus.count() == uint64_t(heads) * size && a.bonus.contiguous()), "bonus must be [H, K]");

    using K = shader::linear_scan;
    K::Spec spec = shared_out(r, a.step.decode, heads, size, columns);
    spec.DECAY = channels ? 2 : decays ? 1 : 0;
    spec.BONUS = bool(a.bonus);
    const uint32_t width = spec.LOCAL / spec.PARTS * spec.COLUMNS, slices = (columns + width - 1) / width;
    r.dispatch<K>(K::Variant::core, spec,
                  {.q = a.q,
                   .k = a.k,
                   .v = a.v,
                   .log_decay = decay,
                   .bonus = a.bonus ? a.bonus : r.unused(),
                   .y = a.y,
                   .state = a.state,
                   .sequences = a.step.sequences},
                  {.heads = heads,
                   .size = size,
                   .columns = columns,
                   .q_ratio = q_ratio,
                   .k_ratio = k_ratio,
                   .v_ratio = v_ratio,
                   .decay_ratio = decay_ratio,
                   .q_stride = a.q.stride,
                   .q_start = a.q.start,
                   .k_stride = a.k.stride,
                   .k_start = a.k.start,
                   .v_stride = a.v.stride,
                   .v_start = a.v.start,
                   .decay_stride = constant ? 0 : decay.stride,
                   .decay_start = decay.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start,
                   .state_values = spec.SIZE / spec.PARTS * spec.COLUMNS,
                   .scale = a.scale != 0 ? a.scale : 1 / std::sqrt(float(size))},
                  {.x = {slices * spec.LOCAL}, .y = {heads}, .z = {1, Quantity::sequences}});
}

} // namespace weft::kernel
