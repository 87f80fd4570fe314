// SPDX-License-Identifier: Apache-2.0
#include "kernels/selective_scan.hpp"
#include "selective_scan.gen.hpp"
#include "selective_scan_carry.gen.hpp"
#include "selective_scan_step.gen.hpp"
#include <algorithm>
#include <bit>
#include <cstdlib>

namespace weft::kernel {
namespace {
uint32_t env(const char* n, uint32_t d) { const char* v = std::getenv(n); return v ? uint32_t(std::atoi(v)) : d; }

struct Shape {
    uint32_t channels, states, groups, parts;
    bool cpu;
};

Shape check(Recorder& r, const SelectiveScanArgs& a) {
    weft_CHECK(a.step.sequences && a.step.max_tokens > 0 && a.step.max_sequences > 0, "step must be filled");
    Shape s{};
    s.channels = a.x.columns();
    weft_CHECK(s.channels > 0 && a.parameters.count() % s.channels == 0 && a.parameters.count() / s.channels > 2, "parameters must be A [Di, N], D [Di], dt_bias [Di], Di the columns of x");
    s.states = uint32_t(a.parameters.count() / s.channels - 2);
    weft_CHECK(s.states <= 256, "parameters: N must be at most 256");
    weft_CHECK(a.parameters.contiguous(), "parameters must be contiguous");
    weft_CHECK(a.dt.columns() == s.channels && a.y.columns() == s.channels, "dt and y must have as many columns as x");
    weft_CHECK(!a.z || a.z.columns() == s.channels, "z must have as many columns as x");
    weft_CHECK(a.b.columns() % s.states == 0 && a.c.columns() == a.b.columns(), "b and c must have G * N columns");
    weft_CHECK(a.b.resource == a.c.resource && a.b.offset == a.c.offset && a.b.stride == a.c.stride, "b and c must be column slices of one tensor");
    s.groups = a.b.columns() / s.states;
    weft_CHECK(s.channels % s.groups == 0, "b: the groups must divide the columns of x");
    weft_CHECK(!a.state || (a.state.contiguous() && a.state.rank == 3 && a.state.shape[1] == s.channels && a.state.shape[2] == s.states), "state must be [slots, Di, N]");
    s.parts = (a.z ? 1u : 0u) | (a.softplus ? 2u : 0u) | (a.state ? 4u : 0u);
    s.cpu = r.device().summary().type == "CPU";
    return s;
}

} // namespace

void selective_scan(Recorder& r, const SelectiveScanArgs& a) {
    const Shape s = check(r, a);
    const Tensor none = r.unused(), z = a.z ? a.z : none;
    // b and c as one tensor that reaches to the end of both
    Tensor bc = a.b.start > a.c.start ? a.b : a.c;
    const Extent sequences{1, Quantity::sequences};
    if (a.step.decode && !env("NOSTEP", 0)) {
        using K = shader::selective_scan_step;
        const uint32_t split = env("SS", std::min(std::bit_ceil((s.states + 3) / 4), 64u)), local = env("SL", 64);
        r.dispatch<K>(K::Variant::core, {.LOCAL = local, .SPLIT = split, .PARTS = s.parts, .BLOCK = (s.states + split - 1) / split},
            {.sequences = a.step.sequences, .x = a.x, .dt = a.dt, .parameters = a.parameters, .bc = bc, .z = z, .y = a.y, .state = a.state ? a.state : none},
            {.channels = s.channels, .states = s.states, .group_channels = s.channels / s.groups, .x_stride = a.x.stride, .x_start = a.x.start, .dt_stride = a.dt.stride, .dt_start = a.dt.start,
             .bc_stride = bc.stride, .b_start = a.b.start, .c_start = a.c.start, .z_stride = a.z.stride, .z_start = a.z.start, .y_stride = a.y.stride, .y_start = a.y.start},
            {.x = {s.channels * split}, .y = sequences, .z={}});
        return;
    }
    using K = shader::selective_scan;
    const uint32_t block = env("BLOCK", s.cpu ? 16 : 4);
    const uint32_t split = std::min(std::bit_ceil((s.states + block - 1) / block), 16u);
    K::Spec spec;
    spec.LOCAL = env("LOCAL", s.cpu ? 64 : 128);
    spec.CHANNELS = spec.LOCAL / split;
    spec.BLOCK = (s.states + split - 1) / split;
    spec.PARTS = s.parts;
    const uint32_t staged = 2 * spec.CHANNELS + 2 * split * spec.BLOCK + spec.LOCAL;
    spec.TILE = env("TILE", std::min(32u, std::bit_floor(3584 / staged)));
    K::Push push{.channels = s.channels, .states = s.states, .group_channels = s.channels / s.groups, .chunk = a.chunk ? a.chunk : a.step.max_tokens, .chunk_rows = 0, .x_stride = a.x.stride, .x_start = a.x.start,
        .dt_stride = a.dt.stride, .dt_start = a.dt.start, .bc_stride = bc.stride, .b_start = a.b.start, .c_start = a.c.start, .z_stride = a.z.stride, .z_start = a.z.start, .y_stride = a.y.stride, .y_start = a.y.start};
    const uint32_t groups_x = s.groups * ((s.channels / s.groups + spec.CHANNELS - 1) / spec.CHANNELS);
    K::Buffers buffers{.sequences = a.step.sequences, .x = a.x, .dt = a.dt, .parameters = a.parameters, .bc = bc, .z = z, .y = a.y, .state = a.state ? a.state : none};
    if (push.chunk >= a.step.max_tokens) {
        r.dispatch<K>(K::Variant::core, spec, buffers, push, {.x = {groups_x * spec.LOCAL}, .y = {}, .z = sequences});
        return;
    }
    push.chunk_rows = a.step.max_tokens / push.chunk + a.step.max_sequences;
    const Tensor chunks = r.temporary(DType::f32, {push.chunk_rows * s.channels, s.states + 1}, "selective scan chunks");
    const Threads threads{.x = {groups_x * spec.LOCAL}, .y = {1, Quantity::longest_new, push.chunk}, .z = sequences};
    spec.PASS = 1;
    spec.PARTS |= 4;
    buffers.state = chunks;
    buffers.y = none;
    r.dispatch<K>(K::Variant::core, spec, buffers, push, threads, "selective_scan local");
    using Carry = shader::selective_scan_carry;
    r.dispatch<Carry>(Carry::Variant::core, {.HAS_STATE = bool(a.state)}, {.sequences = a.step.sequences, .parameters = a.parameters, .chunks = chunks, .state = a.state ? a.state : none},
        {.channels = s.channels, .states = s.states, .chunk = push.chunk, .chunk_rows = push.chunk_rows}, {.x = {s.channels * s.states}, .y = sequences, .z = {}});
    spec.PASS = 2;
    buffers.y = a.y;
    r.dispatch<K>(K::Variant::core, spec, buffers, push, threads, "selective_scan outputs");
}

} // namespace weft::kernel
