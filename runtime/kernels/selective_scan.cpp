// SPDX-License-Identifier: Apache-2.0
#include "kernels/selective_scan.hpp"
#include "kernels/scan_chunks.hpp"
#include "selective_scan.gen.hpp"
#include "selective_scan_carry.gen.hpp"
#include "selective_scan_step.gen.hpp"
#include <algorithm>
#include <bit>

namespace weft::detail::kernel {
namespace {

struct Shape {
    uint32_t channels, states, groups;
};

Shape checked(const SelectiveScanArgs& a) {
    weft_CHECK(a.step.sequences && a.step.max_tokens > 0 && a.step.max_sequences > 0, "step must be filled");
    Shape s{.channels = a.x.columns(), .states = 0, .groups = 0};
    weft_CHECK(s.channels > 0 && a.parameters.contiguous() && a.parameters.count() % s.channels == 0 &&
                   a.parameters.count() / s.channels > 2,
               "parameters must be A [Di, N], D [Di], dt_bias [Di] with the columns of x");
    s.states = uint32_t(a.parameters.count() / s.channels - 2);
    weft_CHECK(s.states <= 256, "parameters: N must be at most 256");
    weft_CHECK(a.dt.columns() == s.channels, "dt must have as many columns as x");
    weft_CHECK(!a.z || a.z.columns() == s.channels, "z must have as many columns as x");
    weft_CHECK(a.y.columns() == s.channels, "y must have as many columns as x");
    weft_CHECK(a.b.columns() > 0 && a.b.columns() % s.states == 0 && a.c.columns() == a.b.columns(),
               "b and c must have G * N columns");
    weft_CHECK(a.b.resource == a.c.resource && a.b.offset == a.c.offset && a.b.stride == a.c.stride,
               "b and c must be column slices of one tensor");
    s.groups = a.b.columns() / s.states;
    weft_CHECK(s.channels % s.groups == 0, "b: G must divide the columns of x");
    weft_CHECK(a.split <= 16 && (a.split & (a.split - 1)) == 0, "split must be a power of two up to 16");
    weft_CHECK(!a.state || (a.state.contiguous() && a.state.rank == 3 && a.state.shape[1] == s.channels &&
                            a.state.shape[2] == s.states),
               "state must be [slots, Di, N]");
    return s;
}

} // namespace

void selective_scan(Recorder& r, const SelectiveScanArgs& a) {
    const Shape s = checked(a);
    const Tensor z = r.or_unused(a.z), state = r.or_unused(a.state);
    const Tensor bc = a.b.start > a.c.start ? a.b : a.c; // the view that reaches to the end of both
    const uint32_t parts = (a.z ? 1u : 0u) | (a.softplus ? 2u : 0u) | (a.state ? 4u : 0u);
    const Extent sequences{1, Quantity::sequences};
    // On a GPU the threads of a channel run its exponentials side by side and read neighbouring states;
    // a CPU's few lanes are filled by the channels.
    const uint32_t block = !r.machine().is_cpu() ? 4 : a.step.decode ? s.states : 32;
    const uint32_t split = a.split ? a.split : std::min(std::bit_ceil((s.states + block - 1) / block), 16u);

    if (a.step.decode) {
        using K = shader::selective_scan_step;
        r.dispatch<K>(K::Variant::core,
                      {.LOCAL = 64, .SPLIT = split, .BLOCK = (s.states + split - 1) / split, .PARTS = parts},
                      {.sequences = a.step.sequences,
                       .x = a.x,
                       .dt = a.dt,
                       .parameters = a.parameters,
                       .bc = bc,
                       .z = z,
                       .y = a.y,
                       .state = state},
                      {.channels = s.channels,
                       .states = s.states,
                       .group_channels = s.channels / s.groups,
                       .x_stride = a.x.stride,
                       .x_start = a.x.start,
                       .dt_stride = a.dt.stride,
                       .dt_start = a.dt.start,
                       .bc_stride = bc.stride,
                       .b_start = a.b.start,
                       .c_start = a.c.start,
                       .z_stride = a.z.stride,
                       .z_start = a.z.start,
                       .y_stride = a.y.stride,
                       .y_start = a.y.start},
                      {.x = {s.channels * split}, .y = sequences, .z = {}});
        return;
    }

    using K = shader::selective_scan;
    K::Spec spec{
        .LOCAL = 128, .SPLIT = split, .BLOCK = (s.states + split - 1) / split, .TILE = 16, .PARTS = parts, .PASS = 0};
    const uint32_t channels = spec.LOCAL / split;
    while (split > 1 && spec.TILE * (2 * channels + 2 * split * spec.BLOCK + spec.LOCAL) * 4 > 16384) spec.TILE /= 2;
    const uint32_t workgroups = s.groups * ((s.channels / s.groups + channels - 1) / channels);

    const auto [chunk, rows] =
        scan_chunks(r, a.step, a.chunk, s.channels * split, uint64_t(s.channels) * (s.states + 1) * 4);
    K::Push push{.channels = s.channels,
                 .states = s.states,
                 .group_channels = s.channels / s.groups,
                 .chunk = chunk,
                 .chunk_rows = rows,
                 .x_stride = a.x.stride,
                 .x_start = a.x.start,
                 .dt_stride = a.dt.stride,
                 .dt_start = a.dt.start,
                 .bc_stride = bc.stride,
                 .b_start = a.b.start,
                 .c_start = a.c.start,
                 .z_stride = a.z.stride,
                 .z_start = a.z.start,
                 .y_stride = a.y.stride,
                 .y_start = a.y.start};
    K::Buffers buffers{.sequences = a.step.sequences,
                       .x = a.x,
                       .dt = a.dt,
                       .parameters = a.parameters,
                       .bc = bc,
                       .z = z,
                       .y = a.y,
                       .state = state};
    if (rows == 0) {
        r.dispatch<K>(K::Variant::core, spec, buffers, push, {.x = {workgroups * spec.LOCAL}, .y = {}, .z = sequences});
        return;
    }
    const Tensor chunks = r.temporary(DType::f32, {rows * s.channels, s.states + 1}, "selective_scan chunks");
    const Threads threads{.x = {workgroups * spec.LOCAL}, .y = {1, Quantity::longest_new, chunk}, .z = sequences};
    spec.PASS = 1;
    buffers.y = r.or_unused({});
    buffers.state = chunks;
    r.dispatch<K>(K::Variant::core, spec, buffers, push, threads, "selective_scan chunk states");
    using Carry = shader::selective_scan_carry;
    r.dispatch<Carry>(Carry::Variant::core, {.HAS_STATE = a.state ? 1u : 0u},
                      {.sequences = a.step.sequences, .parameters = a.parameters, .chunks = chunks, .state = state},
                      {.channels = s.channels, .states = s.states, .chunk = chunk, .chunk_rows = rows},
                      {.x = {s.channels * s.states}, .y = sequences, .z = {}});
    spec.PASS = 2;
    buffers.y = a.y;
    r.dispatch<K>(K::Variant::core, spec, buffers, push, threads, "selective_scan outputs");
}

} // namespace weft::detail::kernel
