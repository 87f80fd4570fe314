// SPDX-License-Identifier: Apache-2.0
#include "cases/expert_matmul.hpp"
#include "expert_matmul.gen.hpp"
#include "kernels/expert_matmul.hpp"
#include "kernels/products.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::expert_matmul {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    const uint32_t rows = s.columns * (o.gated ? 2 : 1), real = s.tokens * s.choices;
    Random& random = ctx.random();
    const uint32_t bucket = ctx.step({{0, s.tokens, 0}}, s.tokens + o.more).max_tokens, pairs = bucket * s.choices,
                   start = o.start(), wide = 2 * start;
    const uint32_t x_rows = o.has(kSecond) ? pairs : bucket, real_rows = o.has(kSecond) ? real : s.tokens;
    std::vector<float> x = random.normals(size_t(x_rows) * (s.depth + wide));
    for (size_t i = size_t(real_rows) * (s.depth + wide); i < x.size(); ++i)
        x[i] = NAN; // rows that are not real hold garbage
    // Each token's choices differ, unless there are too few experts.
    std::vector<uint32_t> experts(pairs, 0), order(pairs, 0xffffffff), offsets(s.experts + 1, 0);
    for (uint32_t p = 0; p < real; ++p)
        experts[p] =
            o.has(kSkewed) && random.below(2)
                ? 1 % s.experts
                : (random.below(s.experts) / (o.has(kSkewed) ? 3 : 1) * (o.has(kSkewed) ? 3 : 1) + p % s.choices) %
                      s.experts;
    for (uint32_t p = 0; p < real && o.has(kDropped); p += 3) experts[p] = s.experts + p % 2 * 1000;
    uint32_t at = 0;
    for (uint32_t e = 0; e < s.experts; ++e) {
        offsets[e] = at;
        for (uint32_t p = 0; p < real; ++p)
            if (experts[p] == e) order[at++] = p;
    }
    offsets[s.experts] = at;
    ExpertMatmulArgs a;
    a.x = ctx.input("x", DType::f32, {x_rows, s.depth + wide}, x).slice_columns(start, s.depth);
    a.weight = ctx.weight("weight", o.type, {s.experts, rows, s.depth}, 1 / std::sqrt(double(s.depth)));
    if (o.has(kBias))
        a.bias = ctx.input("bias", DType::f32, {s.experts, rows}, random.normals(size_t(s.experts) * rows));
    if (o.has(kScale) || o.has(kScaleInput))
        a.scale = ctx.input("scale", DType::f32, {pairs}, random.uniforms(pairs, 0.1, 2));
    a.experts = ctx.input_words("experts", {pairs}, experts);
    a.order = ctx.input_words("order", {pairs}, order);
    a.offsets = ctx.input_words("offsets", {s.experts + 1}, offsets);
    a.y = ctx.output("y", DType::f32, {pairs + 1, s.columns + wide}).slice_columns(start, s.columns);
    if (o.has(kNorm)) {
        a.norm = ctx.input("norm", DType::f32, {s.depth}, random.normals(s.depth));
        a.norm_eps = 1e-5f;
    }
    a.activation = o.activation;
    a.gated = o.gated;
    a.limit = o.limit;
    a.up_offset = o.up_offset;
    a.scale_input = o.has(kScaleInput);
    a.eight_bits = o.eight_bits && can_dot<shader::expert_matmul>(ctx.recorder());
    a.choices = s.choices;
    a.rows_per_x = o.rows_per_x();
    a.max_tokens = bucket;
    kernel::expert_matmul(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, Options o) {
    o.shape = s;
    Case<Options> c{name, o};
    const uint32_t rows = s.columns * (o.gated ? 2 : 1), real = s.tokens * s.choices;
    c.bytes = uint64_t(std::min(s.experts, real)) * rows * bytes_of(o.type, s.depth) +
              uint64_t(real) * 4 * (s.depth / (o.has(kSecond) ? 1 : s.choices) + s.columns);
    c.operations = uint64_t(2) * real * rows * s.depth;
    return c;
}

} // namespace

CaseTable<Options> table() {
    const Options f16, f32{.type = DType::f32}, bf16{.type = DType::bf16};
    const Options swiglu{.activation = Activation::silu, .gated = true},
        gpt_oss{.activation = Activation::quick_gelu, .gated = true, .parts = kBias, .limit = 0.7f, .up_offset = 1};
    const auto with = [](Options f, uint32_t parts, uint32_t more = 0) {
        f.parts |= parts;
        f.more = more;
        return f;
    };
    const auto typed = [](Options f, DType type) {
        f.type = type;
        return f;
    };
    Options relu2 = f16;
    relu2.activation = Activation::relu2;
    CaseTable<Options> table{
        "expert_matmul",
        build,
        {// few tokens
         make("vector, tiny", {1, 1, 1, 1, 1}, f32), make("vector, odd depth f16", {3, 2, 5, 19, 77}, f16),
         make("vector, odd depth bf16", {2, 2, 4, 33, 13}, bf16),
         make("vector, no tokens", {0, 2, 4, 16, 16}, with(f16, 0, 1)),
         make("vector, f32 in a larger bucket", {4, 2, 6, 67, 96}, with(f32, 0, 4)),
         make("vector, second projection", {3, 3, 7, 40, 72}, with(f16, kSecond | kScale)),
         make("vector, swiglu", {2, 2, 8, 65, 136}, swiglu), make("vector, gpt-oss", {1, 4, 8, 48, 40}, gpt_oss),
         make("vector, dropped pairs, slices", {6, 2, 4, 30, 64}, with(bf16, kDropped | kSlices | kBias)),
         make("vector, scaled input", {4, 1, 4, 40, 64}, with(swiglu, kScaleInput)),
         make("vector, split by experts", {3, 2, 3, 6000, 2048}, with(f32, kBias)),
         make("decode 8 of 64, [512] [512 x 2 x 256], swiglu", {1, 8, 64, 256, 512}, swiglu),
         make("decode 2 of 8, [512] [512 x 2 x 1408], swiglu", {1, 2, 8, 1408, 512}, swiglu),
         make("decode 2 of 8, [1408] [1408 x 512]", {1, 2, 8, 512, 1408}, with(f16, kSecond | kScale)),
         make("vector, normed gpt-oss", {2, 4, 8, 48, 40}, with(gpt_oss, kNorm)),
         make("vector, normed and scaled input q4_0", {3, 2, 4, 40, 64},
              with(typed(swiglu, DType::q4_0), kNorm | kScaleInput)),
         // many tokens
         make("tiles, smallest", {9, 1, 1, 1, 1}, f32), make("tiles, odd depth f16", {23, 2, 5, 19, 77}, f16),
         make("tiles, odd depth bf16", {12, 2, 4, 33, 13}, bf16),
         make("tiles, odd depth, many rows", {200, 1, 1, 16, 20}, f32),
         make("tiles, no tokens", {0, 2, 4, 16, 16}, with(f16, 0, 20)),
         make("tiles, f32 in a larger bucket", {34, 2, 6, 67, 96}, with(f32, 0, 99)),
         make("tiles, one expert has half", {90, 2, 12, 70, 40}, with(f16, kSkewed)),
         make("tiles, many experts", {10, 3, 200, 20, 24}, f16),
         make("tiles, second projection", {33, 3, 7, 40, 72}, with(f16, kSecond | kScale)),
         make("tiles, swiglu", {52, 2, 3, 65, 136}, swiglu), make("tiles, gpt-oss", {21, 4, 8, 48, 40}, gpt_oss),
         make("tiles, dropped pairs, slices", {46, 2, 4, 30, 64}, with(bf16, kDropped | kSlices | kBias)),
         make("tiles, scaled input", {40, 1, 4, 40, 64}, with(swiglu, kScaleInput)),
         make("tiles, relu squared", {30, 2, 4, 40, 64}, with(relu2, kSkewed | kDropped)),
         make("tiles, split by rows", {9, 1, 1, 8201, 2048}, with(typed(swiglu, DType::f32), kBias)),
         make("prefill 256 x 8 of 64, [512 x 2 x 256], swiglu", {256, 8, 64, 256, 512}, swiglu),
         make("prefill 256 x 2 of 8, [512 x 2 x 704], swiglu", {256, 2, 8, 704, 512}, with(swiglu, kSkewed)),
         make("prefill 256 x 2 of 8, [1408 x 512]", {256, 2, 8, 512, 1408}, with(f16, kSecond | kScale))}};
    const auto add = [&](const std::string& name, Shape s, Options f) { table.cases.push_back(make(name, s, f)); };
#define weft_ROW(id, NAME, number, elements, bytes, scale)                                                             \
    add("vector, " #id, {2, 2, 5, 19, 512}, typed(swiglu, DType::id));                                                 \
    add("tiles, " #id, {24, 2, 5, 19, 512}, with(typed(f16, DType::id), kSecond | kScale));
    BLOCK_TYPES(weft_ROW)
    OWN_TYPES(weft_ROW)
#undef weft_ROW
    for (const DType type : {DType::q5_1, DType::q3_k, DType::q4_k, DType::mxfp4}) {
        Options f = typed(swiglu, type);
        f.eight_bits = true;
        add("vector, 8 bits, " + std::string(name_of(type)), {2, 2, 5, 19, 512}, f);
        add("tiles, 8 bits, " + std::string(name_of(type)), {24, 2, 5, 19, 512}, with(f, kScaleInput));
    }
    // Sizes by which devices take other shapes.
    for (const bool rounded : {false, true}) {
        Options f = typed(f16, DType::q8_0);
        f.eight_bits = rounded;
        const std::string end = rounded ? ", 8 bits" : "";
        add("vector, deep" + end, {1, 2, 3, 37, 1024}, f);
        add("vector, wide" + end, {1, 2, 3, 4100, 256}, f);
        add("tiles, few rows" + end, {12, 4, 40, 40, 64}, f);
        for (const uint32_t columns : {512u, 1024u, 2048u})
            add("tiles, " + std::to_string(columns) + end, {24, 2, 2, columns, 64}, f);
        add("tiles, some rows" + end, {128, 2, 2, 512, 64}, f);
        add("tiles, many rows" + end, {512, 2, 2, 512, 64}, f);
    }
    add("vector, wide f16", {1, 2, 3, 2100, 64}, f16);
    add("tiles, many rows f16", {512, 2, 2, 512, 64}, f16);
    add("vector, split by experts q8_0", {3, 2, 3, 24000, 2048}, typed(f16, DType::q8_0));
    add("tiles, split by rows q8_0", {9, 1, 1, 33000, 2048}, typed(swiglu, DType::q8_0));
    for (const DType type : {DType::q8_0, DType::q4_k}) {
        add("decode 2 of 8, [512] [512 x 2 x 1408], swiglu " + std::string(name_of(type)), {1, 2, 8, 1408, 512},
            typed(swiglu, type));
        add("prefill 256 x 2 of 8, [512] [512 x 1408] " + std::string(name_of(type)), {256, 2, 8, 1408, 512},
            typed(f16, type));
    }
    return table;
}

} // namespace weft::detail::kernel::cases::expert_matmul
