// SPDX-License-Identifier: Apache-2.0
#include "cases/wkv7.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::wkv7 {
namespace {

float log_decay(Random& random, Decay decay) {
    if (decay == Decay::mixed) decay = Decay(random.below(3));
    return float(decay == Decay::usual   ? -0.6065 / (1 + std::exp(-random.normal(2)))
                 : decay == Decay::faint ? -random.uniform(0, 1e-6)
                                         : -random.uniform(20, 120));
}

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    const Sequences& sequences = o.sequences;
    const uint32_t keys = s.heads * s.size, values = s.heads * s.columns;
    Random& random = ctx.random();
    ScanInputs inputs(ctx, sequences, o.apart);
    const uint32_t rows = inputs.rows(), width = o.lead + 5 * keys + values;
    // r, w, k, v, a and b.
    std::vector<float> numbers = random.normals(size_t(rows) * width);
    for (uint32_t t = 0; t < rows; ++t) {
        float* row = &numbers[size_t(t) * width + o.lead];
        for (uint32_t i = 0; i < keys; ++i) row[keys + i] = log_decay(random, o.decay);
        float *a = row + 3 * keys + values, *b = a + keys;
        for (uint32_t h = 0; h < s.heads; ++h) {
            double squares = 1e-9;
            for (uint32_t i = h * s.size; i < (h + 1) * s.size; ++i) squares += double(a[i]) * a[i];
            for (uint32_t i = h * s.size; i < (h + 1) * s.size; ++i) {
                a[i] = float(a[i] / std::sqrt(squares));
                b[i] =
                    o.free ? float(0.5 * b[i] / std::sqrt(double(s.size))) : float(-a[i] * random.uniform(0, o.rate));
            }
        }
    }
    inputs.whole("r, w, k, v, a, b", width, o.lead, std::move(numbers));
    Wkv7Args a;
    a.step = ctx.step(sequences, rows);
    a.r = inputs.slice("r", keys);
    a.w = inputs.slice("w", keys);
    a.k = inputs.slice("k", keys);
    a.v = inputs.slice("v", values);
    a.a = inputs.slice("a", keys);
    a.b = inputs.slice("b", keys);
    a.state = inputs.state({s.heads, s.size, s.columns});
    a.y = ctx.output("y", DType::f32, {rows, values + 3}).slice_columns(2, values);
    kernel::wkv7(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, Sequences sequences, Options o = {}) {
    o.shape = s;
    o.sequences = sequences;
    Case<Options> c{name, o};
    const uint64_t tokens = tokens_of(sequences);
    const uint32_t keys = s.heads * s.size, values = s.heads * s.columns;
    c.bytes = 4 * (tokens * (5 * keys + 2 * values) + 2 * sequences.size() * values * s.size);
    c.operations = tokens * values * s.size * 9;
    return c;
}

} // namespace

CaseTable<Options> table() {
    const Options odd{.lead = 3}, apart{.apart = true}, faint{.decay = Decay::faint}, strong{.decay = Decay::strong},
        mixed{.decay = Decay::mixed}, free{.free = true}, plain{.rate = 0};
    const Sequences packed = {{2, 21, 0}, {0, 1, 5}, {4, 0, 3}, {1, 16, 7}, {3, 37, 40}};
    const Sequences eight = {{0, 1, 1}, {1, 1, 1}, {2, 1, 1}, {3, 1, 1}, {4, 1, 1}, {5, 1, 1}, {6, 1, 1}, {7, 1, 1}};
    const Sequences steps = {{2, 1, 9}, {0, 1, 0}, {1, 1, 1}};
    CaseTable<Options> table{
        "wkv7",
        build,
        {make("tiny", {1, 16, 8}, {{0, 1, 0}}),
         make("two tokens", {1, 16, 8}, {{0, 2, 0}}),
         make("one key channel, one value", {2, 1, 1}, {{0, 5, 1}}),
         make("odd sizes", {3, 19, 7}, {{1, 37, 2}}, odd),
         make("no tokens", {2, 16, 8}, {{0, 0, 0}}),
         make("packed", {4, 16, 24}, packed),
         make("packed, tensors apart", {4, 16, 24}, packed, apart),
         make("packed, any a and b", {4, 16, 24}, packed, free),
         make("packed, nothing removed", {4, 16, 24}, packed, plain),
         make("packed steps", {4, 16, 24}, steps),
         make("packed steps, any a and b", {4, 16, 24}, steps, free),
         make("step, odd sizes", {3, 19, 7}, {{1, 1, 2}, {0, 1, 0}}, odd),
         make("step, tensors apart", {4, 16, 24}, {{0, 1, 3}}, apart),
         make("states read here and written there", {4, 16, 24}, {{1, 37, 3, 0, 2}, {0, 20, 9, 0, 2}}),
         make("step, state read here and written there", {3, 19, 7}, {{1, 1, 3, 0, 2}, {0, 1, 9, 0, 2}}),
         make("strong decay", {4, 16, 24}, {{0, 70, 1}}, strong),
         make("faint decay", {4, 16, 24}, {{0, 300, 1}}, faint),
         make("strong, usual and faint decay", {2, 40, 33}, {{1, 70, 1}}, mixed),
         make("step, strong, usual and faint decay", {2, 40, 33}, {{1, 1, 1}}, mixed),
         make("heads of 128, more columns than threads", {1, 128, 200}, {{0, 40, 1}})}};
    table.cases.insert(table.cases.end(), {make("long", {1, 64, 64}, {{0, 3000, 0}}),
                                           make("one long sequence", {16, 64, 64}, {{0, 256, 1}}),
                                           make("longer", {16, 64, 64}, {{0, 2048, 0}}),
                                           make("steps of eight sequences", {16, 64, 64}, eight),
                                           make("one step", {16, 64, 64}, {{0, 1, 1}})});
    return table;
}

} // namespace weft::detail::kernel::cases::wkv7
