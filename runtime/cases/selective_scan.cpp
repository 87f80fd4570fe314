// SPDX-License-Identifier: Apache-2.0
#include "cases/selective_scan.hpp"
#include "kernels/selective_scan.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::selective_scan {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const uint64_t states = uint64_t(o.channels) * o.states;
    Random& random = ctx.random();
    const uint32_t rows = uint32_t(tokens_of(o.sequences)) + o.spare_tokens, slots = slots_of(o.sequences),
                   wide = o.wide(), bc_columns = o.groups * o.states, bc_wide = o.bc_wide();
    SelectiveScanArgs a;
    a.step = ctx.step(o.sequences, rows);
    const uint32_t bucket = a.step.max_tokens;
    const auto sliced = [&](const char* tensor, std::vector<float> values) {
        return ctx.input(tensor, DType::f32, {bucket, wide}, std::move(values)).slice_columns(o.around, o.channels);
    };
    a.x = sliced("x", random.normals(size_t(bucket) * wide, o.x_size));
    a.dt = sliced("dt", random.uniforms(size_t(bucket) * wide, o.dt_low, o.dt_high));
    const Tensor bc = ctx.input("bc", DType::f32, {bucket, bc_wide}, random.normals(size_t(bucket) * bc_wide));
    a.b = bc.slice_columns(o.b_start(), bc_columns);
    a.c = bc.slice_columns(o.c_start(), bc_columns);
    if (o.z) a.z = sliced("z", random.normals(size_t(bucket) * wide, 2));
    if (o.in_place) a.x = a.y = sliced("y", ctx.data("x")); // "x" stays for the test
    else a.y = ctx.output("y", DType::f32, {bucket, wide}).slice_columns(o.around, o.channels);

    std::vector<float> parameters; // A spread evenly in its logarithm
    for (uint64_t i = 0; i < states; ++i)
        parameters.push_back(float(-std::exp(random.uniform(std::log(-o.a_high), std::log(-o.a_low)))));
    for (uint32_t i = 0; i < o.channels; ++i) parameters.push_back(float(random.normal(1)));
    for (uint32_t i = 0; i < o.channels; ++i)
        parameters.push_back(o.softplus ? float(random.uniform(-0.1, 0.1)) : 0.01f);
    a.parameters = ctx.input("parameters", DType::f32, {uint32_t(parameters.size())}, parameters);
    if (o.state) {
        std::vector<float> before = random.normals(slots * states);
        ctx.input("state before", DType::f32, {slots, o.channels, o.states}, before);
        for (const auto& s : o.sequences) // a state without a past must not be read
            if (s.past == 0 && s.count > 0) std::fill_n(before.begin() + long(s.slot * states), states, std::nanf(""));
        a.state = ctx.input("state", DType::f32, {slots, o.channels, o.states}, before);
    }
    a.softplus = o.softplus;
    a.chunk = o.chunk;
    a.split = o.split;
    kernel::selective_scan(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, const Options& o) {
    Case<Options> c{name, o};
    const uint64_t tokens = tokens_of(o.sequences);
    const uint64_t states = uint64_t(o.channels) * o.states;
    c.bytes = tokens * (12 + 4 * o.z) * o.channels + tokens * 8 * o.groups * o.states +
              o.state * o.sequences.size() * 8 * states + 4 * (states + 2 * o.channels);
    c.operations = tokens * states * 7;
    return c;
}

} // namespace

CaseTable<Options> table() {
    const Sequences packed = {{2, 37, 5}, {0, 1, 0}, {4, 0, 7}, {1, 90, 0}, {3, 3, 1}},
                    decode = {{3, 1, 4}, {0, 1, 0}, {1, 1, 9}}, moved = {{1, 37, 3, 0, 2}, {0, 20, 9, 0, 2}};
    return {
        "selective_scan",
        build,
        {make("tiny", {.channels = 1, .states = 1, .sequences = {{0, 1, 0}}}),
         make("odd", {.channels = 7, .states = 3, .sequences = {{0, 13, 2}}}),
         make("one state", {.channels = 70, .states = 1, .sequences = {{0, 19, 0}}}),
         make("packed", {.channels = 140, .states = 16, .sequences = packed, .spare_tokens = 9}),
         make("packed in chunks of 16",
              {.channels = 140, .states = 16, .sequences = packed, .chunk = 16, .spare_tokens = 9}),
         make("packed in chunks of 7", {.channels = 24, .states = 8, .sequences = packed, .chunk = 7}),
         make("states read here and written there", {.channels = 70, .states = 8, .sequences = moved}),
         make("states read here and written there, chunks",
              {.channels = 70, .states = 8, .sequences = moved, .chunk = 16}),
         make("step, state read here and written there",
              {.channels = 70, .states = 8, .sequences = {{1, 1, 3, 0, 2}, {0, 1, 9, 0, 2}}}),
         make("slices", {.channels = 36, .states = 16, .sequences = packed, .spare_tokens = 3, .around = 5}),
         make("slices in chunks",
              {.channels = 36, .states = 16, .sequences = packed, .chunk = 24, .spare_tokens = 3, .around = 5}),
         make("groups", {.channels = 60, .states = 8, .groups = 3, .sequences = packed, .around = 1}),
         make("groups in chunks", {.channels = 300, .states = 5, .groups = 2, .sequences = packed, .chunk = 32}),
         make("without gate", {.channels = 33, .states = 4, .sequences = {{0, 21, 3}}, .z = false}),
         make("without state", {.channels = 33, .states = 4, .sequences = {{0, 21, 0}, {0, 5, 0}}, .state = false}),
         make("without state in chunks",
              {.channels = 33, .states = 4, .sequences = {{0, 50, 0}, {0, 5, 0}}, .chunk = 16, .state = false}),
         make("without softplus",
              {.channels = 33, .states = 4, .sequences = {{0, 21, 3}}, .softplus = false, .dt_low = 0, .dt_high = 2}),
         make("24 states", {.channels = 50, .states = 24, .sequences = {{0, 40, 3}, {1, 9, 0}}}),
         make("33 states", {.channels = 140, .states = 33, .sequences = {{0, 40, 3}, {1, 9, 0}}, .around = 2}),
         make("64 states in chunks", {.channels = 70, .states = 64, .sequences = {{0, 40, 3}, {1, 9, 0}}, .chunk = 16}),
         make("256 states", {.channels = 20, .states = 256, .sequences = {{0, 40, 3}, {1, 9, 0}}}),
         make("4 threads a channel",
              {.channels = 140, .states = 16, .sequences = packed, .split = 4, .spare_tokens = 9}),
         make("4 threads a channel, slices, chunks", {.channels = 36,
                                                      .states = 15,
                                                      .sequences = packed,
                                                      .chunk = 24,
                                                      .split = 4,
                                                      .spare_tokens = 3,
                                                      .around = 5}),
         make("2 threads a channel, groups",
              {.channels = 300, .states = 8, .groups = 2, .sequences = packed, .split = 2}),
         make("more threads than states", {.channels = 20, .states = 3, .sequences = packed, .split = 16}),
         make("in place", {.channels = 140, .states = 16, .sequences = packed, .in_place = true}),
         make("in place, chunks, 4 threads a channel",
              {.channels = 140, .states = 16, .sequences = packed, .chunk = 16, .split = 4, .in_place = true}),
         make("step, in place, 2 threads a channel",
              {.channels = 40, .states = 16, .sequences = decode, .split = 2, .in_place = true}),
         make("no tokens", {.channels = 16, .states = 8, .sequences = {{0, 0, 3}}, .spare_tokens = 5}),
         make("decays near 1", {.channels = 40,
                                .states = 16,
                                .sequences = {{0, 300, 1}},
                                .a_low = -2e-3,
                                .a_high = -1e-3,
                                .dt_low = -7,
                                .dt_high = -6.9}),
         make("decays near 1 in chunks", {.channels = 40,
                                          .states = 16,
                                          .sequences = {{0, 300, 1}},
                                          .chunk = 64,
                                          .a_low = -2e-3,
                                          .a_high = -1e-3,
                                          .dt_low = -7,
                                          .dt_high = -6.9}),
         make("decays near 0", {.channels = 40,
                                .states = 16,
                                .sequences = {{0, 150, 1}},
                                .a_low = -16,
                                .a_high = -2.5,
                                .dt_low = 19,
                                .dt_high = 20}),
         make("decays near 0 in chunks", {.channels = 40,
                                          .states = 16,
                                          .sequences = {{0, 150, 1}},
                                          .chunk = 32,
                                          .a_low = -16,
                                          .a_high = -2.5,
                                          .dt_low = 19,
                                          .dt_high = 20}),
         make("tiny dt",
              {.channels = 40, .states = 16, .sequences = {{0, 150, 1}}, .chunk = 32, .dt_low = -14, .dt_high = -13.5}),
         make("large inputs", {.channels = 40,
                               .states = 16,
                               .sequences = {{0, 60, 1}},
                               .chunk = 32,
                               .dt_low = -30,
                               .dt_high = 30,
                               .x_size = 1e4}),
         make("step", {.channels = 140, .states = 16, .sequences = decode}),
         make("step, odd", {.channels = 7, .states = 3, .sequences = decode, .around = 3}),
         make("step, groups", {.channels = 60, .states = 33, .groups = 3, .sequences = decode}),
         make("step, 256 states", {.channels = 9, .states = 256, .sequences = decode, .z = false}),
         make("step, 4 threads a channel", {.channels = 140, .states = 16, .sequences = decode, .split = 4}),
         make("step, 16 threads a channel",
              {.channels = 60, .states = 33, .groups = 3, .sequences = decode, .split = 16, .around = 3}),
         make("step, strong decay", {.channels = 40,
                                     .states = 16,
                                     .sequences = decode,
                                     .a_low = -50,
                                     .a_high = -1,
                                     .dt_low = -14,
                                     .dt_high = 20}),
         make("step, real",
              {.channels = 1024, .states = 16, .sequences = {{0, 1, 9}, {1, 1, 9}, {2, 1, 9}, {3, 1, 9}}}),
         make("real", {.channels = 1024, .states = 16, .sequences = {{0, 256, 0}}}),
         make("real in chunks", {.channels = 1024, .states = 16, .sequences = {{0, 256, 0}}, .chunk = 64}),
         make("large", {.channels = 2048, .states = 16, .sequences = {{0, 384, 7}, {1, 128, 0}}})}};
}

} // namespace weft::detail::kernel::cases::selective_scan
