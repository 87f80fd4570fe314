// SPDX-License-Identifier: Apache-2.0
#include "cases/sequence_norm.hpp"
#include "kernels/sequence_norm.hpp"

namespace weft::detail::kernel::cases::sequence_norm {
namespace {

void build(CaseContext& ctx, const Options& o) {
    Random& random = ctx.random();
    Sequences sequences;
    for (const uint32_t n : o.counts) sequences.push_back({uint32_t(sequences.size()), n, 0});
    SequenceNormArgs a;
    a.step = ctx.step(sequences, uint32_t(tokens_of(sequences)) + 2);
    const uint32_t wide = o.wide();
    auto x = random.normals(size_t(a.step.max_tokens) * wide, o.deviation);
    for (float& v : x) v += float(o.mean);
    a.x = ctx.input("x", DType::f32, {a.step.max_tokens, wide}, std::move(x));
    a.weight = ctx.input("weight", DType::f32, {o.columns}, random.normals(o.columns));
    a.bias = ctx.input("bias", DType::f32, {o.columns}, random.normals(o.columns));
    a.y = ctx.output("y", DType::f32, {a.step.max_tokens, wide});
    if (o.slices) {
        a.x = a.x.slice_columns(5, o.columns);
        a.y = a.y.slice_columns(1, o.columns);
    }
    a.eps = o.eps;
    a.activation = o.activation;
    kernel::sequence_norm(ctx.recorder(), a, o.lanes);
}

} // namespace

CaseTable<Options> table() {
    CaseTable<Options> table{"sequence_norm", build, {}};
    const auto add = [&](const std::string& name, std::vector<uint32_t> counts, uint32_t columns, Options o = {}) {
        o.counts = std::move(counts);
        o.columns = columns;
        Case<Options> c{name, o};
        for (const uint32_t n : o.counts) c.bytes += 8 * uint64_t(n) * columns;
        table.cases.push_back(std::move(c));
    };
    add("tiny", {1}, 1);
    add("no sequences", {}, 20);
    add("real: a second of sound, wav2vec2's first layer", {3199}, 512, {.activation = Activation::gelu});
    for (const uint32_t lanes : {1u, 8u}) {
        const std::string with = ", lanes " + std::to_string(lanes);
        add("odd sizes" + with, {1, 2, 0, 31, 257}, 37, {.lanes = lanes});
        add("slices" + with, {4, 70}, 50, {.slices = true, .lanes = lanes});
        add("far from zero" + with, {1000}, 18, {.mean = 1000, .lanes = lanes});
        add("large numbers" + with, {60}, 33, {.deviation = 1e15, .lanes = lanes});
        add("all the same" + with, {40}, 5, {.mean = 2, .deviation = 0, .lanes = lanes});
        add("many rows" + with, {100000}, 4, {.mean = 3, .lanes = lanes});
        add("activation" + with, {40, 3}, 9, {.activation = Activation::gelu, .lanes = lanes});
    }
    return table;
}

} // namespace weft::detail::kernel::cases::sequence_norm
