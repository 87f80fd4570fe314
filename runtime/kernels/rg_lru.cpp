// SPDX-License-Identifier: Apache-2.0
#include "kernels/rg_lru.hpp"
#include "kernels/scan_chunks.hpp"
#include "rg_lru.gen.hpp"
#include "rg_lru_carry.gen.hpp"

namespace weft::detail::kernel {

void rg_lru(Recorder& r, const RgLruArgs& a) {
    const uint32_t channels = a.x.columns();
    weft_CHECK(a.step.sequences && a.step.max_tokens > 0 && a.step.max_sequences > 0, "step must be filled");
    weft_CHECK(a.gates.contiguous() && a.gates.columns() == 2 * channels, "gates must be [T, 2 C]");
    weft_CHECK(a.width > 0 && channels % a.width == 0, "width must divide the columns of x");
    weft_CHECK(a.rate.contiguous() && a.rate.count() == channels, "rate must be [C]");
    weft_CHECK(a.y.columns() == channels, "y must have as many columns as x");
    weft_CHECK(a.state.rank == 2 && a.state.contiguous() && a.state.shape[1] == channels, "state must be [slots, C]");
    using K = shader::rg_lru;
    const Extent sequences{1, Quantity::sequences};
    const auto [chunk, rows] = scan_chunks(r, a.step, a.chunk, channels, uint64_t(channels) * 8);
    const K::Push push{.channels = channels,
                       .width = a.width,
                       .chunk = chunk,
                       .chunk_rows = rows,
                       .x_stride = a.x.stride,
                       .x_start = a.x.start,
                       .gates_stride = a.gates.stride,
                       .y_stride = a.y.stride,
                       .y_start = a.y.start};
    K::Buffers buffers{
        .sequences = a.step.sequences, .x = a.x, .gates = a.gates, .rate = a.rate, .y = a.y, .state = a.state};
    if (rows == 0) {
        r.dispatch<K>(K::Variant::core, {.LOCAL = 64, .PASS = 0}, buffers, push,
                      {.x = {channels}, .y = {}, .z = sequences});
        return;
    }
    const Tensor chunks = r.temporary(DType::f32, {2 * rows, channels}, "rg_lru chunks");
    const Threads threads{.x = {channels}, .y = {1, Quantity::longest_new, chunk}, .z = sequences};
    buffers.y = r.or_unused({});
    buffers.state = chunks;
    r.dispatch<K>(K::Variant::core, {.LOCAL = 64, .PASS = 1}, buffers, push, threads, "rg_lru chunk states");
    using Carry = shader::rg_lru_carry;
    r.dispatch<Carry>(Carry::Variant::core, {}, {.sequences = a.step.sequences, .chunks = chunks, .state = a.state},
                      {.channels = channels, .chunk = chunk, .chunk_rows = rows},
                      {.x = {channels}, .y = sequences, .z = {}});
    buffers.y = a.y;
    r.dispatch<K>(K::Variant::core, {.LOCAL = 64, .PASS = 2}, buffers, push, threads, "rg_lru outputs");
}

} // namespace weft::detail::kernel
