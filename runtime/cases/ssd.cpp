// SPDX-License-Identifier: Apache-2.0
#include "cases/ssd.hpp"
#include "kernels/ssd.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::ssd {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    const Sequences& sequences = o.sequences;
    Random& random = ctx.random();
    ScanInputs inputs(ctx, sequences, o.apart);
    const uint32_t rows = inputs.rows(), inner = s.heads * s.columns, bc = s.groups * s.size;
    SsdArgs a;
    a.step = ctx.step(sequences, rows);
    a.dt_min = o.dt_min;
    a.dt_max = o.dt_max;
    const uint32_t width = o.lead + inner + 2 * bc + s.heads;
    const Tensor all = inputs.whole("x, b, c, dt", width, o.lead, random.normals(size_t(rows) * width));
    a.x = inputs.slice("x", inner);
    a.b = inputs.slice("b", bc);
    a.c = inputs.slice("c", bc);
    a.dt = all.slice_columns(o.lead + inner + 2 * bc, s.heads);
    if (o.bias) a.dt_bias = ctx.input("dt bias", DType::f32, {s.heads}, random.uniforms(s.heads, -5, -1));
    if (o.d) a.d = ctx.input("d", DType::f32, {s.heads}, random.normals(s.heads));
    std::vector<float> decays;
    for (uint32_t h = 0; h < s.heads; ++h)
        decays.push_back(o.decay == Decay::none || (o.decay == Decay::mixed && h % 2)
                             ? -1e-6f
                             : float(o.decay == Decay::usual ? -random.uniform(1, 16) : -random.uniform(20, 400)));
    a.a = ctx.input("a", DType::f32, {s.heads}, decays);
    a.state = inputs.state({s.heads, s.columns, s.size});
    a.y = ctx.output("y", DType::f32, {rows, inner + 3}).slice_columns(2, inner);
    kernel::ssd(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, Sequences sequences, Options o = {}) {
    o.shape = s;
    o.sequences = sequences;
    Case<Options> c{name, o};
    const uint64_t tokens = tokens_of(sequences);
    const bool step = tokens == sequences.size();
    c.bytes = 4 * (tokens * (2 * s.heads * s.columns + 2 * s.groups * s.size + s.heads) +
                   2 * sequences.size() * s.heads * s.columns * s.size);
    c.operations = tokens * s.heads * s.columns * (step ? 5 : 4) * s.size;
    return c;
}

Options with(Decay decay) {
    Options o;
    o.decay = decay;
    return o;
}

} // namespace

CaseTable<Options> table() {
    Options bare, apart, odd, clamped;
    bare.bias = bare.d = false;
    apart.apart = true;
    odd.lead = 3;
    clamped.dt_min = 0.01f;
    clamped.dt_max = 0.1f;
    const Sequences packed = {{2, 21, 0}, {0, 1, 5}, {4, 0, 3}, {1, 16, 7}, {3, 37, 40}};
    CaseTable<Options> table{
        "ssd",
        build,
        {make("tiny", {1, 1, 8, 16}, {{0, 1, 0}}), make("two tokens", {1, 1, 8, 16}, {{0, 2, 0}}),
         make("odd sizes", {3, 1, 7, 19}, {{1, 37, 2}}, odd), make("no tokens", {2, 1, 8, 16}, {{0, 0, 0}}),
         make("packed", {4, 2, 16, 16}, packed), make("packed, tensors apart", {4, 2, 16, 16}, packed, apart),
         make("no bias, no D", {4, 1, 16, 16}, {{0, 33, 0}}, bare),
         make("states read here and written there", {4, 2, 16, 16}, {{1, 37, 3, 0, 2}, {0, 20, 9, 0, 2}}),
         make("strong decay", {4, 2, 16, 16}, {{0, 70, 1}}, with(Decay::strong)),
         make("strong and no decay", {4, 2, 16, 16}, {{0, 70, 1}}, with(Decay::mixed)),
         make("no decay", {4, 2, 16, 16}, {{0, 300, 1}}, with(Decay::none)),
         make("clamped dt", {4, 2, 16, 16}, {{0, 40, 0}}, clamped), make("large state", {2, 1, 128, 256}, {{0, 40, 1}}),
         make("many heads", {64, 4, 64, 16}, {{0, 20, 1}})}};
    table.cases.insert(
        table.cases.end(),
        {make("packed steps", {4, 2, 16, 16}, {{2, 1, 9}, {0, 1, 0}, {1, 1, 1}}),
         make("step, odd sizes", {3, 3, 7, 19}, {{1, 1, 2}, {0, 1, 0}}, odd),
         make("step, tensors apart", {4, 2, 16, 24}, {{0, 1, 3}}, apart),
         make("step, state read here and written there", {3, 3, 7, 19}, {{1, 1, 3, 0, 2}, {0, 1, 9, 0, 2}}),
         make("step, clamped dt", {4, 2, 16, 16}, {{0, 1, 4}}, clamped),
         make("one long sequence", {16, 1, 64, 128}, {{0, 256, 1}}), make("longer", {16, 1, 64, 128}, {{0, 2048, 0}}),
         make("steps of eight sequences", {16, 1, 64, 128},
              {{0, 1, 1}, {1, 1, 1}, {2, 1, 1}, {3, 1, 1}, {4, 1, 1}, {5, 1, 1}, {6, 1, 1}, {7, 1, 1}}),
         make("one step", {16, 1, 64, 128}, {{0, 1, 1}})});
    return table;
}

} // namespace weft::detail::kernel::cases::ssd
