// SPDX-License-Identifier: Apache-2.0
#include "cases/rg_lru.hpp"
#include "kernels/rg_lru.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::kernel::cases::rg_lru {
namespace {

void build(CaseContext& ctx, const Options& o) {
    Random& random = ctx.random();
    const uint32_t tokens = uint32_t(tokens_of(o.sequences)), slots = slots_of(o.sequences), wide = o.wide();
    RgLruArgs a;
    a.step = ctx.step(o.sequences, tokens + 3); // a bucket larger than the step
    const uint32_t rows = a.step.max_tokens;
    a.x = ctx.input("x", DType::f32, {rows, wide}, random.normals(size_t(rows) * wide, o.x_size))
              .slice_columns(o.around, o.channels);
    a.gates = ctx.input("gates", DType::f32, {rows, 2 * o.channels},
                        random.uniforms(size_t(rows) * 2 * o.channels, o.gate_low, o.gate_high));
    a.rate = ctx.input("rate", DType::f32, {o.channels}, random.uniforms(o.channels, o.rate_low, o.rate_high));
    a.y = ctx.output("y", DType::f32, {rows, wide}).slice_columns(o.around, o.channels);
    std::vector<float> before = random.normals(size_t(slots) * o.channels);
    ctx.input("state before", DType::f32, {slots, o.channels}, before);
    for (const auto& s : o.sequences) // a state without a past must not be read
        if (s.past == 0 && s.count > 0) std::fill_n(before.begin() + long(s.slot * o.channels), o.channels, NAN);
    a.state = ctx.input("state", DType::f32, {slots, o.channels}, before);
    a.width = o.width;
    a.chunk = o.chunk;
    kernel::rg_lru(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, const Options& o) {
    Case<Options> c{name, o};
    const uint64_t tokens = tokens_of(o.sequences);
    c.bytes = 4 * o.channels * (4 * tokens + 2 * o.sequences.size() + 1);
    c.operations = tokens * o.channels * 8;
    return c;
}

} // namespace

CaseTable<Options> table() {
    const Sequences packed = {{2, 37, 5}, {0, 1, 0}, {4, 0, 7}, {1, 90, 0}, {3, 3, 1}},
                    step = {{3, 1, 4}, {0, 1, 0}, {1, 1, 9}}, moved = {{1, 37, 3, 0, 2}, {0, 20, 9, 0, 2}};
    return {
        "rg_lru",
        build,
        {make("tiny", {.channels = 1, .width = 1, .sequences = {{0, 1, 0}}}),
         make("odd", {.channels = 21, .width = 7, .sequences = {{0, 13, 2}}}),
         make("packed", {.channels = 140, .width = 14, .sequences = packed}),
         make("packed in chunks of 16", {.channels = 140, .width = 14, .sequences = packed, .chunk = 16}),
         make("packed in chunks of 7, slices",
              {.channels = 24, .width = 8, .sequences = packed, .chunk = 7, .around = 5}),
         make("states read here and written there", {.channels = 70, .width = 10, .sequences = moved}),
         make("states read here and written there, chunks",
              {.channels = 70, .width = 10, .sequences = moved, .chunk = 16}),
         make("step", {.channels = 130, .width = 13, .sequences = step}),
         make("step, slices", {.channels = 130, .width = 13, .sequences = step, .around = 3}),
         make("no tokens", {.channels = 20, .width = 4, .sequences = {{0, 0, 4}}}),
         make("slow decays",
              {.channels = 40, .width = 8, .sequences = {{0, 200, 1}}, .chunk = 32, .rate_low = -14, .rate_high = -8}),
         make("no decay at all",
              {.channels = 40, .width = 8, .sequences = {{0, 40, 1}}, .gate_low = -100, .gate_high = -90}),
         make("fast decays",
              {.channels = 40, .width = 8, .sequences = {{0, 70, 1}}, .chunk = 16, .rate_low = 5, .rate_high = 60}),
         make("large inputs", {.channels = 40, .width = 8, .sequences = {{0, 40, 2}}, .x_size = 1e4}),
         make("step, real", {.channels = 2560, .width = 256, .sequences = {{0, 1, 9}}}),
         make("real", {.channels = 2560, .width = 256, .sequences = {{0, 256, 0}}}),
         make("real, long", {.channels = 2560, .width = 256, .sequences = {{0, 2048, 0}}})}};
}

} // namespace weft::detail::kernel::cases::rg_lru
