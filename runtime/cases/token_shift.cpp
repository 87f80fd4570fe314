// SPDX-License-Identifier: Apache-2.0
#include "cases/token_shift.hpp"
#include "kernels/token_shift.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::kernel::cases::token_shift {
namespace {

void build(CaseContext& ctx, const Options& o) {
    Random& random = ctx.random();
    const uint64_t tokens = tokens_of(o.sequences);
    const uint32_t slots = slots_of(o.sequences);
    TokenShiftArgs a;
    a.step = ctx.step(o.sequences, uint32_t(tokens) + 3); // a bucket larger than the step
    const uint32_t rows = a.step.max_tokens, wide = o.channels + 2 * o.around,
                   out = o.mixes * o.channels + 2 * o.around;
    std::vector<float> x = random.normals(size_t(rows) * wide, o.size);
    std::fill(x.begin() + long(tokens * wide), x.end(), std::nanf("")); // must not be read
    a.x = ctx.input("x", DType::f32, {rows, wide}, x).slice_columns(o.around, o.channels);
    const uint32_t all = o.mixes * o.channels;
    a.own_mixes = o.own_mixes;
    a.moves_on = o.moves_on;
    const auto mix = [&](uint32_t count) {
        return ctx.input("mix", DType::f32, {count, all}, random.uniforms(size_t(count) * all, -0.5, 1.5));
    };
    a.mix = mix(o.own_mixes ? rows : 1);
    a.y = ctx.output("y", DType::f32, {rows, out}).slice_columns(o.around, o.mixes * o.channels);
    std::vector<float> before = random.normals(size_t(slots) * o.channels, o.size);
    for (const auto& s : o.sequences)
        if (s.past == 0 && s.count > 0)
            std::fill_n(before.begin() + long(s.slot * o.channels), o.channels, std::nanf("")); // of another sequence
    ctx.input("state before", DType::f32, {slots, o.channels}, before);
    a.state = ctx.input("state", DType::f32, {slots, o.channels}, before);
    kernel::token_shift(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, uint32_t channels, uint32_t mixes, const Sequences& sequences,
                   uint32_t around = 0, double size = 1, bool own_mixes = false, bool moves_on = true) {
    Case<Options> c{name, {channels, mixes, sequences, around, size, own_mixes, moves_on}};
    const uint64_t tokens = tokens_of(sequences);
    c.bytes = 4 * channels * (tokens * (1 + mixes) + 2 * sequences.size() + mixes * (own_mixes ? tokens : 1));
    c.operations = tokens * channels * (1 + 2 * mixes);
    return c;
}

} // namespace

CaseTable<Options> table() {
    const Sequences packed = {{2, 37, 5}, {0, 1, 0}, {4, 0, 7}, {1, 90, 0}, {3, 2, 1}, {5, 1, 9}};
    return {"token_shift",
            build,
            {make("tiny", 1, 1, {{0, 1, 0}}), make("odd", 77, 3, {{0, 53, 3}}), make("packed, one mix", 70, 1, packed),
             make("packed, six mixes", 70, 6, packed), make("packed, eight mixes, slices", 33, 8, packed, 5),
             make("state read here and written there", 70, 2, {{1, 37, 3, 0, 2}, {0, 2, 9, 0, 2}}),
             make("packed, own mixes", 33, 5, packed, 2, 1, true),
             make("packed, only read", 33, 1, packed, 0, 1, false, false),
             make("step, own mixes", 130, 5, {{3, 1, 4}, {0, 1, 0}, {1, 1, 9}}, 0, 1, true),
             make("step", 130, 6, {{3, 1, 4}, {0, 1, 0}, {1, 1, 9}}),
             make("step, state read here and written there", 130, 6, {{1, 1, 3, 0, 2}, {0, 1, 9, 0, 2}}),
             make("no tokens", 20, 4, {{0, 0, 4}}), make("large inputs", 40, 2, {{0, 40, 2}}, 0, 1e4),
             make("zeros", 40, 2, {{0, 40, 2}}, 0, 0), make("step, real", 2048, 6, {{0, 1, 9}}),
             make("real", 2048, 6, {{0, 256, 0}}), make("real, own mixes", 2048, 5, {{0, 256, 0}}, 0, 1, true),
             make("large", 4096, 6, {{0, 400, 4}, {1, 112, 0}})}};
}

} // namespace weft::detail::kernel::cases::token_shift
