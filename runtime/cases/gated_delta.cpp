// SPDX-License-Identifier: Apache-2.0
#include "cases/gated_delta.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::gated_delta {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    const Sequences& sequences = o.sequences;
    Random& random = ctx.random();
    ScanInputs inputs(ctx, sequences, o.apart);
    const uint32_t rows = inputs.rows(), keys = s.key_heads * s.size, values = s.heads * s.columns;
    const uint32_t width = o.lead + 2 * keys + values + 2 * s.heads;
    GatedDeltaArgs a;
    a.step = ctx.step(sequences, rows);
    std::vector<float> numbers = random.normals(size_t(rows) * width);
    for (uint32_t t = 0; t < rows; ++t) {
        for (uint32_t h = 0; h < s.heads; ++h)
            numbers[size_t(t + 1) * width - 2 * s.heads + h] = float(random.uniform(o.beta_from, o.beta_to));
        if (!o.l2) // keys of length 1, as the models without the norm have them
            for (uint32_t h = 0; h < s.key_heads; ++h) {
                float* key = &numbers[size_t(t) * width + o.lead + keys + h * s.size];
                double squares = 0;
                for (uint32_t i = 0; i < s.size; ++i) squares += double(key[i]) * key[i];
                for (uint32_t i = 0; i < s.size; ++i) key[i] = float(key[i] / std::sqrt(squares) * (1 - 1e-6));
            }
    }
    const Tensor all = inputs.whole("q, k, v, b, a", width, o.lead, std::move(numbers));
    a.q = inputs.slice("q", keys);
    a.k = inputs.slice("k", keys);
    a.v = inputs.slice("v", values);
    a.b = all.slice_columns(width - 2 * s.heads, s.heads);
    if (o.gate) a.a = all.slice_columns(width - s.heads, s.heads);
    if (o.bias && o.gate) a.dt_bias = ctx.input("dt bias", DType::f32, {s.heads}, random.uniforms(s.heads, -5, -1));
    if (o.gate) {
        std::vector<float> decays;
        for (uint32_t h = 0; h < s.heads; ++h)
            decays.push_back(
                o.decay == Decay::none || (o.decay == Decay::mixed && h % 2)
                    ? -1e-6f
                    : float(o.decay == Decay::usual ? -random.uniform(0.1, 16) : -random.uniform(20, 400)));
        a.a_head = ctx.input("a head", DType::f32, {s.heads}, decays);
    }
    a.decay = o.gate;
    a.l2 = o.l2;
    a.tiled = o.tiled;
    a.beta_scale = o.beta_scale;
    a.state = inputs.state({s.heads, s.size, s.columns});
    a.y = ctx.output("y", DType::f32, {rows, values + 3}).slice_columns(2, values);
    kernel::gated_delta(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, Sequences sequences, Options o = {}) {
    o.shape = s;
    o.sequences = sequences;
    Case<Options> c{name, o};
    const uint64_t tokens = tokens_of(sequences);
    c.bytes = 4 * (tokens * (2 * s.heads * s.columns + 2 * s.key_heads * s.size + 2 * s.heads) +
                   2 * sequences.size() * s.heads * s.columns * s.size);
    c.operations = tokens * s.heads * s.columns * s.size * 7;
    return c;
}

Options with(Decay decay) {
    Options o;
    o.decay = decay;
    return o;
}

} // namespace

CaseTable<Options> table() {
    Options plain, negative, apart, odd, small_beta, large_beta, tiled;
    tiled.tiled = true;
    plain.gate = plain.l2 = false;
    negative.beta_scale = 2;
    apart.apart = true;
    apart.bias = false;
    odd.lead = 3;
    small_beta.beta_from = -20;
    small_beta.beta_to = -12;
    large_beta.beta_from = 8;
    large_beta.beta_to = 20;
    large_beta.beta_scale = 2;
    large_beta.decay = Decay::none;
    const Sequences packed = {{2, 21, 0}, {0, 1, 5}, {4, 0, 3}, {1, 16, 7}, {3, 37, 40}};
    CaseTable<Options> table{
        "gated_delta",
        build,
        {make("tiny", {1, 1, 16, 16}, {{0, 1, 0}}),
         make("two tokens", {1, 1, 16, 16}, {{0, 2, 0}}),
         make("odd sizes", {1, 3, 19, 7}, {{1, 37, 2}}, odd),
         make("no tokens", {1, 2, 16, 24}, {{0, 0, 0}}),
         make("packed", {2, 4, 16, 24}, packed),
         make("packed, tensors apart", {2, 4, 16, 24}, packed, apart),
         make("packed steps", {2, 4, 16, 24}, {{2, 1, 9}, {0, 1, 0}, {1, 1, 1}}),
         make("step, odd sizes", {1, 3, 19, 7}, {{1, 1, 2}, {0, 1, 0}}, odd),
         make("step, tensors apart", {2, 4, 16, 24}, {{0, 1, 3}}, apart),
         make("states read here and written there", {2, 4, 16, 24}, {{1, 37, 3, 0, 2}, {0, 20, 9, 0, 2}}),
         make("step, state read here and written there", {1, 3, 19, 7}, {{1, 1, 3, 0, 2}, {0, 1, 9, 0, 2}}),
         make("delta rule without decay", {2, 2, 16, 24}, {{0, 70, 1}}, plain),
         make("step without decay", {2, 2, 16, 24}, {{0, 1, 1}}, plain),
         make("negative eigenvalues", {2, 4, 16, 24}, {{0, 70, 1}}, negative),
         make("strong decay", {2, 4, 16, 24}, {{0, 70, 1}}, with(Decay::strong)),
         make("strong and no decay", {2, 4, 16, 24}, {{0, 70, 1}}, with(Decay::mixed)),
         make("no decay", {2, 4, 16, 24}, {{0, 300, 1}}, with(Decay::none)),
         make("beta near zero", {2, 4, 16, 24}, {{0, 70, 1}}, small_beta),
         make("beta near two", {2, 4, 16, 24}, {{0, 70, 1}}, large_beta),
         make("tiled heads", {2, 6, 16, 24}, packed, tiled),
         make("tiled heads, step", {3, 6, 19, 7}, {{1, 1, 2}, {0, 1, 0}}, tiled),
         make("wide values", {1, 2, 96, 192}, {{0, 40, 1}}),
         make("large state", {1, 1, 256, 256}, {{0, 40, 1}}),
         make("many heads", {16, 64, 16, 64}, {{0, 20, 1}})}};
    table.cases.insert(table.cases.end(),
                       {make("one long sequence", {4, 8, 128, 128}, {{0, 256, 1}}),
                        make("longer", {4, 8, 128, 128}, {{0, 2048, 0}}),
                        make("steps of eight sequences", {4, 8, 128, 128},
                             {{0, 1, 1}, {1, 1, 1}, {2, 1, 1}, {3, 1, 1}, {4, 1, 1}, {5, 1, 1}, {6, 1, 1}, {7, 1, 1}}),
                        make("one step", {4, 8, 128, 128}, {{0, 1, 1}})});
    return table;
}

} // namespace weft::detail::kernel::cases::gated_delta
