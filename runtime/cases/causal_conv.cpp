// SPDX-License-Identifier: Apache-2.0
#include "cases/causal_conv.hpp"
#include "kernels/causal_conv.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::causal_conv {
namespace {

void build(CaseContext& ctx, const Options& o) {
    Random& random = ctx.random();
    const uint32_t wide = o.wide(), slots = slots_of(o.sequences);
    const size_t window = size_t(o.channels) * (o.taps - 1);
    CausalConvArgs a;
    a.step = ctx.step(o.sequences, uint32_t(tokens_of(o.sequences)) + o.spare_tokens);
    const uint32_t bucket = a.step.max_tokens;
    const Tensor all =
        ctx.input("x", DType::f32, {bucket, o.columns()}, random.normals(size_t(bucket) * o.columns(), o.x_size));
    if (o.gates) {
        a.in_gate = all.slice_columns(0, o.channels);
        a.out_gate = all.slice_columns(o.channels, o.channels);
    }
    a.x = all.slice_columns(o.columns() - wide + o.around, o.channels);
    a.y = ctx.output("y", DType::f32, {bucket, wide}).slice_columns(o.around, o.channels);
    a.weight = ctx.input("weight", DType::f32, {o.channels, o.taps}, random.normals(size_t(o.channels) * o.taps));
    if (o.bias) a.bias = ctx.input("bias", DType::f32, {o.channels}, random.normals(o.channels));
    if (o.state) {
        std::vector<float> before = random.normals(slots * window, o.x_size);
        ctx.input("state before", DType::f32, {slots, o.channels, o.taps - 1}, before);
        for (const auto& s : o.sequences) // a state without a past must not be read
            if (s.past == 0 && s.count > 0) std::fill_n(before.begin() + long(s.slot * window), window, std::nanf(""));
        a.state = ctx.input("state", DType::f32, {slots, o.channels, o.taps - 1}, before);
    }
    a.activation = o.silu ? Activation::silu : Activation::none;
    kernel::causal_conv(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, const Options& o) {
    Case<Options> c{name, o};
    const uint64_t tokens = tokens_of(o.sequences);
    const uint64_t window = uint64_t(o.channels) * (o.taps - 1);
    c.bytes = tokens * (o.gates ? 16 : 8) * o.channels + o.state * o.sequences.size() * 8 * window +
              4 * o.channels * (o.taps + 1);
    c.operations = tokens * o.channels * 2 * o.taps;
    return c;
}

} // namespace

CaseTable<Options> table() {
    const Sequences packed = {{2, 37, 5}, {0, 1, 0}, {4, 0, 7}, {1, 90, 0},
                              {3, 2, 1},  {6, 3, 0}, {5, 1, 9}, {7, 16, 2}};
    const Sequences few = {{2, 3, 5}, {0, 1, 0}, {4, 0, 7}, {1, 5, 0}, {3, 2, 1}},
                    step = {{3, 1, 4}, {0, 1, 0}, {1, 1, 9}};
    return {
        "causal_conv",
        build,
        {make("tiny", {.channels = 1, .taps = 2, .sequences = {{0, 1, 0}}}),
         make("odd", {.channels = 77, .taps = 4, .sequences = {{0, 53, 3}}}),
         make("2 taps, packed", {.channels = 70, .taps = 2, .sequences = packed, .spare_tokens = 9}),
         make("3 taps, packed", {.channels = 70, .taps = 3, .sequences = packed, .spare_tokens = 9, .silu = false}),
         make("4 taps, packed", {.channels = 70, .taps = 4, .sequences = packed, .spare_tokens = 9}),
         make("8 taps, packed", {.channels = 33, .taps = 8, .sequences = packed, .spare_tokens = 9}),
         make("state read here and written there",
              {.channels = 70, .taps = 4, .sequences = {{1, 37, 3, 0, 2}, {0, 2, 9, 0, 2}}}),
         make("step, state read here and written there",
              {.channels = 70, .taps = 4, .sequences = {{1, 1, 3, 0, 2}, {0, 1, 9, 0, 2}}}),
         make("slices", {.channels = 66, .taps = 4, .sequences = packed, .around = 5}),
         make("without bias", {.channels = 20, .taps = 4, .sequences = packed, .bias = false}),
         make("without state", {.channels = 20, .taps = 4, .sequences = {{0, 31, 0}, {0, 9, 0}}, .state = false}),
         make("no tokens", {.channels = 20, .taps = 4, .sequences = {{0, 0, 4}}, .spare_tokens = 30}),
         make("a few tokens", {.channels = 70, .taps = 4, .sequences = few}),
         make("a few tokens, 8 taps, slices",
              {.channels = 33, .taps = 8, .sequences = few, .spare_tokens = 1, .around = 3}),
         make("a few tokens without state",
              {.channels = 20, .taps = 4, .sequences = {{0, 3, 0}, {0, 9, 0}}, .state = false}),
         make("step", {.channels = 130, .taps = 4, .sequences = step}),
         make("step, 2 taps, slices, no bias",
              {.channels = 130, .taps = 2, .sequences = step, .around = 7, .bias = false, .silu = false}),
         make("gates, packed",
              {.channels = 70, .taps = 3, .sequences = packed, .spare_tokens = 9, .silu = false, .gates = true}),
         make("gates, a few tokens",
              {.channels = 70, .taps = 3, .sequences = few, .bias = false, .silu = false, .gates = true}),
         make(
             "gates, step, slices",
             {.channels = 130, .taps = 3, .sequences = step, .around = 7, .bias = false, .silu = false, .gates = true}),
         make("gates without state",
              {.channels = 20, .taps = 4, .sequences = {{0, 31, 0}, {0, 9, 0}}, .state = false, .gates = true}),
         make("large inputs", {.channels = 40, .taps = 4, .sequences = {{0, 40, 2}}, .x_size = 1e4}),
         make("step, real", {.channels = 2048, .taps = 4, .sequences = {{0, 1, 9}, {1, 1, 9}, {2, 1, 9}, {3, 1, 9}}}),
         make("gates, real",
              {.channels = 2048, .taps = 3, .sequences = {{0, 256, 0}}, .bias = false, .silu = false, .gates = true}),
         make("real", {.channels = 2048, .taps = 4, .sequences = {{0, 256, 0}}}),
         make("large", {.channels = 4096, .taps = 4, .sequences = {{0, 400, 4}, {1, 112, 0}}})}};
}

} // namespace weft::detail::kernel::cases::causal_conv
