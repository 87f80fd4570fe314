// SPDX-License-Identifier: Apache-2.0
#include "cases/linear_scan.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::linear_scan {
namespace {

float log_decay(Random& random, Decay decay) {
    if (decay == Decay::mixed) decay = Decay(random.below(3));
    return float(decay == Decay::usual    ? -random.uniform(0.001, 0.5)
                 : decay == Decay::strong ? -random.uniform(20, 120)
                                          : -random.uniform(0, 1e-6));
}

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    const Sequences& sequences = o.sequences;
    const uint32_t keys = s.key_heads * s.size, values = s.heads * s.columns, decays = o.decays();
    Random& random = ctx.random();
    ScanInputs inputs(ctx, sequences, o.apart);
    const uint32_t rows = inputs.rows(), width = o.lead + 2 * keys + values + decays;
    LinearScanArgs a;
    a.step = ctx.step(sequences, rows);
    a.decay_of = o.decay_of;
    a.scale = o.scale;
    std::vector<float> numbers = random.normals(size_t(rows) * width);
    for (uint32_t t = 0; t < rows; ++t)
        for (uint32_t i = width - decays; i < width; ++i) numbers[size_t(t) * width + i] = log_decay(random, o.decay);
    inputs.whole("q, k, v, decay", width, o.lead, std::move(numbers));
    a.q = inputs.slice("q", keys);
    a.k = inputs.slice("k", keys);
    a.v = inputs.slice("v", values);
    if (decays > 0) a.decay = inputs.slice("decay", decays);
    if (o.decay_of == DecayOf::head) {
        std::vector<float> constant(s.heads);
        for (float& decay : constant) decay = log_decay(random, o.decay);
        a.decay = ctx.input("decay of a head", DType::f32, {s.heads}, std::move(constant));
    }
    if (o.bonus) a.bonus = ctx.input("bonus", DType::f32, {s.heads, s.size}, random.normals(size_t(s.heads) * s.size));
    a.state = inputs.state({s.heads, s.size, s.columns});
    a.y = ctx.output("y", DType::f32, {rows, values + 3}).slice_columns(2, values);
    kernel::linear_scan(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, Sequences sequences, Options o = {}) {
    o.shape = s;
    o.sequences = sequences;
    Case<Options> c{name, o};
    const uint64_t tokens = tokens_of(sequences);
    const uint32_t keys = s.key_heads * s.size, values = s.heads * s.columns, decays = o.decays();
    c.bytes = 4 * (tokens * (2 * keys + 2 * values + decays) + 2 * sequences.size() * s.heads * s.columns * s.size);
    c.operations = tokens * s.heads * s.columns * s.size * (o.decay_of == DecayOf::none ? 4 : 5);
    return c;
}

} // namespace

CaseTable<Options> table() {
    const Options none{.decay_of = DecayOf::none}, head{.decay_of = DecayOf::head}, token{.decay_of = DecayOf::token},
        bonus{.bonus = true}, apart{.apart = true}, odd{.lead = 3, .scale = 1},
        odd_token{.decay_of = DecayOf::token, .apart = true, .lead = 3, .scale = 1}, strong{.decay = Decay::strong},
        faint{.decay = Decay::faint}, mixed{.decay = Decay::mixed},
        strong_token{.decay_of = DecayOf::token, .decay = Decay::strong},
        faint_head{.decay_of = DecayOf::head, .decay = Decay::faint},
        mixed_token{.decay_of = DecayOf::token, .decay = Decay::mixed},
        mixed_bonus{.decay = Decay::mixed, .bonus = true, .apart = true};
    const Sequences packed = {{2, 21, 0}, {0, 1, 5}, {4, 0, 3}, {1, 16, 7}, {3, 37, 40}};
    const Sequences moved = {{1, 37, 3, 0, 2}, {0, 20, 9, 0, 2}}, moved_steps = {{1, 1, 3, 0, 2}, {0, 1, 9, 0, 2}};
    const Sequences steps = {{2, 1, 9}, {0, 1, 0}, {1, 1, 1}};
    const Sequences eight = {{0, 1, 1}, {1, 1, 1}, {2, 1, 1}, {3, 1, 1}, {4, 1, 1}, {5, 1, 1}, {6, 1, 1}, {7, 1, 1}};
    CaseTable<Options> table{
        "linear_scan",
        build,
        {make("tiny", {1, 1, 16, 8}, {{0, 1, 0}}),
         make("two tokens", {1, 1, 16, 8}, {{0, 2, 0}}),
         make("two tokens, a decay a head", {1, 1, 16, 8}, {{0, 2, 0}}, head),
         make("one key channel, one value", {2, 2, 1, 1}, {{0, 5, 1}}),
         make("odd sizes", {1, 3, 19, 7}, {{1, 37, 2}}, odd),
         make("odd sizes, a decay a token", {1, 3, 19, 7}, {{1, 37, 2}}, odd_token),
         make("no tokens", {2, 2, 16, 8}, {{0, 0, 0}}),
         make("packed", {2, 4, 16, 24}, packed),
         make("packed, no decay", {2, 4, 16, 24}, packed, none),
         make("packed, a decay a head", {4, 4, 16, 24}, packed, head),
         make("packed, a decay a token", {1, 12, 16, 24}, packed, token),
         make("packed, bonus", {2, 4, 16, 24}, packed, bonus),
         make("packed, tensors apart", {4, 4, 16, 24}, packed, apart),
         make("packed steps", {2, 4, 16, 24}, steps),
         make("packed steps, no decay", {2, 4, 16, 24}, steps, none),
         make("packed steps, a decay a head", {1, 4, 16, 24}, steps, head),
         make("packed steps, a decay a token", {4, 4, 16, 24}, steps, token),
         make("packed steps, bonus", {2, 4, 16, 24}, steps, bonus),
         make("step, odd sizes", {1, 3, 19, 7}, {{1, 1, 2}, {0, 1, 0}}, odd),
         make("step, tensors apart", {2, 4, 16, 24}, {{0, 1, 3}}, apart),
         make("states read here and written there", {2, 4, 16, 24}, moved),
         make("states read here and written there, no decay", {2, 4, 16, 24}, moved, none),
         make("step, state read here and written there", {1, 3, 19, 7}, moved_steps),
         make("strong decay", {2, 4, 16, 24}, {{0, 70, 1}}, strong),
         make("strong decay a token", {2, 4, 16, 24}, {{0, 70, 1}}, strong_token),
         make("faint decay", {2, 4, 16, 24}, {{0, 300, 1}}, faint),
         make("faint decay a head", {2, 4, 16, 24}, {{0, 300, 1}}, faint_head),
         make("strong, usual and faint decay", {2, 4, 32, 24}, {{0, 70, 1}}, mixed),
         make("strong, usual and faint decay a token", {2, 4, 32, 24}, {{0, 70, 1}}, mixed_token),
         make("strong, usual and faint decay, bonus", {2, 2, 40, 33}, {{1, 70, 1}}, mixed_bonus),
         make("step, strong, usual and faint decay, bonus", {2, 2, 40, 33}, {{1, 1, 1}}, mixed_bonus),
         make("large state", {1, 1, 256, 128}, {{0, 40, 1}}, mixed),
         make("large state, a decay a token", {1, 2, 256, 128}, {{0, 40, 1}}, mixed_token),
         make("wide values", {1, 1, 256, 512}, {{0, 19, 1}}),
         make("wide values, a decay a head", {1, 1, 256, 512}, {{0, 19, 1}}, head),
         make("step, wide values", {1, 1, 256, 512}, {{0, 1, 1}}),
         make("many heads", {16, 64, 16, 64}, {{0, 20, 1}}),
         make("many heads, a decay a token", {16, 64, 16, 64}, {{0, 20, 1}}, token)}};
    table.cases.insert(table.cases.end(),
                       {make("one long sequence", {16, 16, 128, 64}, {{0, 256, 1}}),
                        make("longer", {16, 16, 128, 64}, {{0, 2048, 0}}),
                        make("longer, a decay a token", {1, 16, 128, 64}, {{0, 2048, 0}}, token),
                        make("longer, a decay a head", {16, 16, 128, 64}, {{0, 2048, 0}}, head),
                        make("longer, bonus, heads of 64", {16, 16, 64, 64}, {{0, 2048, 0}}, bonus),
                        make("steps of eight sequences", {16, 16, 128, 64}, eight),
                        make("steps of eight sequences, a decay a token", {1, 16, 128, 64}, eight, token),
                        make("one step", {16, 16, 128, 64}, {{0, 1, 1}}),
                        make("one step, a decay a token", {1, 16, 128, 64}, {{0, 1, 1}}, token)});
    return table;
}

} // namespace weft::detail::kernel::cases::linear_scan
