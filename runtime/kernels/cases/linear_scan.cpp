// SPDX-License-Identifier: Apache-2.0
// L2: cases of kernels/linear_scan.
#include "kernels/linear_scan.hpp"
#include "kernels/case.hpp"
#include <algorithm>
#include <cmath>

namespace weft::kernel {
namespace {

struct Shape {
    uint32_t heads, size, columns;
    uint32_t q_ratio = 1, k_ratio = 1, v_ratio = 1, decay_ratio = 1; ///< heads of the state a head of each
};
enum class Decay { usual, strong, faint, mixed };
struct Options {
    DecayOf decay_of = DecayOf::channel;
    Decay decay = Decay::usual;
    bool bonus = false, apart = false; ///< apart: inputs in tensors of their own, else slices of one
    uint32_t lead = 4;                 ///< columns before the first slice
    float scale = 0;
};
using Sequences = std::vector<CaseContext::Sequence>;

float log_decay(Random& random, Decay decay) {
    if (decay == Decay::mixed) decay = Decay(random.below(3));
    return float(decay == Decay::usual    ? -random.uniform(0.001, 0.5)
                 : decay == Decay::strong ? -random.uniform(20, 120)
                                          : -random.uniform(0, 1e-6));
}

KernelCase make(const std::string& name, Shape s, Sequences sequences, Options o = {}) {
    KernelCase c;
    c.name = name;
    uint64_t tokens = 0;
    for (const auto& q : sequences) tokens += q.count;
    const uint32_t queries = s.heads / s.q_ratio * s.size, keys = s.heads / s.k_ratio * s.size,
                   values = s.heads / s.v_ratio * s.columns, decay_heads = s.heads / s.decay_ratio,
                   decays = o.decay_of == DecayOf::channel ? decay_heads * s.size
                            : o.decay_of == DecayOf::token ? decay_heads
                                                           : 0;
    c.bytes = 4 * (tokens * (queries + keys + values + decays + s.heads * s.columns) +
                   2 * sequences.size() * s.heads * s.columns * s.size);
    c.operations = tokens * s.heads * s.columns * s.size * (o.decay_of == DecayOf::none ? 4 : 5);
    c.build = [=](CaseContext& ctx) {
        Random& random = ctx.random();
        // A bucket larger than the step.
        const uint32_t rows = uint32_t(tokens) + 5, outputs = s.heads * s.columns;
        const uint32_t width = o.lead + queries + keys + values + decays;
        uint32_t slots = 2;
        for (const auto& q : sequences) slots = std::max(slots, q.slot + q.moved + 2);
        // What lies beyond the step's tokens must not be read: NaN.
        const auto input = [&](const std::string& n, uint32_t columns, std::vector<float> numbers) {
            std::fill(numbers.begin() + long(tokens * columns), numbers.end(), std::nanf(""));
            return ctx.input(n, DType::f32, {rows, columns}, std::move(numbers));
        };
        LinearScanArgs a;
        a.step = ctx.step(sequences, rows);
        a.decay_of = o.decay_of;
        a.scale = o.scale;
        std::vector<float> numbers = random.normals(size_t(rows) * width);
        for (uint32_t t = 0; t < rows; ++t)
            for (uint32_t i = width - decays; i < width; ++i)
                numbers[size_t(t) * width + i] = log_decay(random, o.decay);
        const Tensor all = input("q, k, v, decay", width, std::move(numbers));
        uint32_t at = o.lead;
        const auto slice = [&](const std::string& n, uint32_t columns) {
            const uint32_t first = at;
            at += columns;
            if (!o.apart) return all.slice_columns(first, columns);
            std::vector<float> copied;
            for (uint32_t t = 0; t < rows; ++t)
                for (uint32_t i = 0; i < columns; ++i)
                    copied.push_back(ctx.data("q, k, v, decay")[size_t(t) * width + first + i]);
            return input(n, columns, std::move(copied));
        };
        a.q = slice("q", queries);
        a.k = slice("k", keys);
        a.v = slice("v", values);
        if (decays > 0) a.decay = slice("decay", decays);
        if (o.decay_of == DecayOf::head) {
            std::vector<float> constant(decay_heads);
            for (float& decay : constant) decay = log_decay(random, o.decay);
            a.decay = ctx.input("decay of a head", DType::f32, {decay_heads}, std::move(constant));
        }
        if (o.bonus)
            a.bonus = ctx.input("bonus", DType::f32, {s.heads, s.size}, random.normals(size_t(s.heads) * s.size));
        const size_t state = size_t(s.heads) * s.columns * s.size;
        std::vector<float> before = random.normals(slots * state);
        for (const auto& q : sequences)
            if (q.past == 0 && q.count > 0)
                std::fill_n(before.begin() + long(q.slot * state), state, std::nanf("")); // left by another sequence
        ctx.input("state before", DType::f32, {slots, s.heads, s.size, s.columns}, before);
        a.state = ctx.input("state", DType::f32, {slots, s.heads, s.size, s.columns}, before);
        a.y = ctx.output("y", DType::f32, {rows, outputs + 3}).slice_columns(2, outputs);
        ctx.input("options", DType::f32, {10},
                  {float(s.heads), float(s.size), float(s.columns), float(s.q_ratio), float(s.k_ratio),
                   float(s.v_ratio), float(s.decay_ratio), float(o.decay_of), float(o.lead), o.scale});
        linear_scan(ctx.recorder(), a);
    };
    return c;
}

} // namespace

KernelTable linear_scan_cases() {
    const Options none{.decay_of = DecayOf::none}, head{.decay_of = DecayOf::head}, token{.decay_of = DecayOf::token},
        channel, bonus{.bonus = true}, strong{.decay = Decay::strong}, faint{.decay = Decay::faint},
        mixed{.decay = Decay::mixed}, apart{.apart = true}, odd{.lead = 3, .scale = 1};
    const Options strong_token{.decay_of = DecayOf::token, .decay = Decay::strong},
        mixed_bonus{.decay = Decay::mixed, .bonus = true, .apart = true},
        token_bonus{.decay_of = DecayOf::token, .bonus = true, .lead = 3};
    const Sequences packed = {{2, 21, 0}, {0, 1, 5}, {4, 0, 3}, {1, 16, 7}, {3, 37, 40}};
    const Sequences eight = {{0, 1, 1}, {1, 1, 1}, {2, 1, 1}, {3, 1, 1}, {4, 1, 1}, {5, 1, 1}, {6, 1, 1}, {7, 1, 1}};
    const Sequences steps = {{2, 1, 9}, {0, 1, 0}, {1, 1, 1}};
    return {"linear_scan",
            {make("tiny", {1, 16, 8}, {{0, 1, 0}}),
             make("two tokens", {1, 16, 8}, {{0, 2, 0}}),
             make("one key channel, one value", {2, 1, 1}, {{0, 5, 1}}),
             make("odd sizes", {3, 19, 7}, {{1, 37, 2}}, odd),
             make("no tokens", {2, 16, 8}, {{0, 0, 0}}),
             make("packed", {4, 16, 24}, packed),
             make("packed, no decay", {4, 16, 24}, packed, none),
             make("packed, a decay a head", {4, 16, 24}, packed, head),
             make("packed, a decay a token", {4, 16, 24}, packed, token),
             make("packed, bonus", {4, 16, 24}, packed, bonus),
             make("packed, tensors apart", {4, 16, 24}, packed, apart),
             make("groups of q and k", {4, 16, 24, 2, 2}, packed),
             make("one head of q, two of k, four of decays", {8, 24, 8, 8, 4, 1, 2}, packed),
             make("groups of k, v and decays a token", {6, 16, 24, 1, 3, 3, 3}, packed, token),
             make("groups of decays a head", {4, 16, 24, 1, 2, 2, 2}, packed, head),
             make("packed steps", {4, 16, 24}, steps),
             make("packed steps, no decay", {4, 16, 24}, steps, none),
             make("packed steps, a decay a head", {4, 16, 24}, steps, head),
             make("packed steps, bonus, a decay a token", {4, 16, 24}, steps, token_bonus),
             make("step, odd sizes", {3, 19, 7}, {{1, 1, 2}, {0, 1, 0}}, odd),
             make("step, tensors apart, groups", {4, 16, 24, 4, 2, 2, 4}, {{0, 1, 3}}, apart),
             make("states read here and written there", {4, 16, 24}, {{1, 37, 3, 0, 2}, {0, 20, 9, 0, 2}}),
             make("step, state read here and written there", {3, 19, 7}, {{1, 1, 3, 0, 2}, {0, 1, 9, 0, 2}}),
             make("strong decay", {4, 16, 24}, {{0, 70, 1}}, strong),
             make("strong decay a token", {4, 16, 24}, {{0, 70, 1}}, strong_token),
             make("faint decay", {4, 16, 24}, {{0, 300, 1}}, faint),
             make("strong, usual and faint decay", {4, 32, 24}, {{0, 70, 1}}, mixed),
             make("strong, usual and faint decay, bonus", {2, 40, 33}, {{1, 70, 1}}, mixed_bonus),
             make("step, strong, usual and faint decay, bonus", {2, 40, 33}, {{1, 1, 1}}, mixed_bonus),
             make("large state", {1, 256, 128}, {{0, 40, 1}}, mixed),
             make("long, faint decay", {2, 32, 16}, {{0, 3000, 0}}, faint),
             make("one long sequence", {16, 128, 64}, {{0, 256, 1}}),
             make("longer", {16, 128, 64}, {{0, 2048, 0}}),
             make("longer, a decay a token", {16, 128, 64}, {{0, 2048, 0}}, token),
             make("longer, a decay a head", {16, 128, 64}, {{0, 2048, 0}}, head),
             make("longer, bonus, heads of 64", {16, 64, 64}, {{0, 2048, 0}}, bonus),
             make("steps of eight sequences", {16, 128, 64}, eight),
             make("steps of eight sequences, a decay a token", {16, 128, 64}, eight, token),
             make("one step", {16, 128, 64}, {{0, 1, 1}}),
             make("one step, a decay a token", {16, 128, 64}, {{0, 1, 1}}, token)}};
}

} // namespace weft::kernel
