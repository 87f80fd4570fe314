// SPDX-License-Identifier: Apache-2.0
#include "cases/matmul.hpp"
#include "kernels/matmul.hpp"
#include "kernels/products.hpp"
#include "matmul.gen.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::matmul {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    const uint32_t rows = s.columns * (o.gated ? 2 : 1);
    Random& random = ctx.random();
    const uint32_t bucket = ctx.step({{0, s.tokens, 0}}, s.tokens + o.more).max_tokens;
    const uint32_t start = o.start(), wide = start * 2, w_start = o.weight_start();
    const auto slice = [&](const Tensor& t, uint32_t columns) { return t.slice_columns(start, columns); };
    std::vector<float> x = random.normals(size_t(bucket) * (s.depth + wide), o.magnitude);
    for (size_t i = size_t(s.tokens) * (s.depth + wide); i < x.size(); ++i)
        x[i] = NAN; // rows that are not real hold garbage
    MatmulArgs a;
    a.x = slice(ctx.input("x", DType::f32, {bucket, s.depth + wide}, x), s.depth);
    const uint32_t w_wide = s.depth + 2 * w_start;
    a.weight =
        ctx.weight("weight", o.type, {rows, w_wide}, 1 / std::sqrt(double(s.depth))).slice_columns(w_start, s.depth);
    if (o.has(kBias)) a.bias = ctx.input("bias", DType::f32, {rows}, random.normals(rows));
    const auto residual = random.normals(size_t(bucket + 1) * (s.columns + wide));
    if (o.has(kResidual) || o.has(kInPlace))
        a.residual = slice(ctx.input("residual", DType::f32, {bucket + 1, s.columns + wide}, residual), s.columns);
    if (o.has(kInPlace))
        a.residual = a.y = slice(ctx.input("y", DType::f32, {bucket + 1, s.columns + wide}, residual), s.columns);
    else a.y = slice(ctx.output("y", DType::f32, {bucket + 1, s.columns + wide}), s.columns);
    if (o.has(kNorm)) {
        a.norm = slice(ctx.input("norm", DType::f32, {1, s.depth + wide}, random.normals(s.depth + wide)), s.depth);
        a.norm_eps = 1e-5f;
    }
    a.activation = o.activation;
    a.gated = o.gated;
    a.scale = o.scale;
    a.softcap = o.softcap;
    a.limit = o.limit;
    a.up_offset = o.up_offset;
    a.eight_bits = o.eight_bits && can_dot<shader::matmul>(ctx.recorder());
    a.max_rows = bucket;
    if (o.has(kFixed)) a.rows = {s.tokens};
    kernel::matmul(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, Options o) {
    o.shape = s;
    Case<Options> c{name, o};
    const uint32_t rows = s.columns * (o.gated ? 2 : 1);
    c.bytes = rows * bytes_of(o.type, s.depth) +
              uint64_t(s.tokens) * 4 * (s.depth + s.columns * (o.has(kResidual) ? 2u : 1u));
    c.operations = uint64_t(2) * s.tokens * rows * s.depth;
    return c;
}

} // namespace

CaseTable<Options> table() {
    const Options f16, f32{.type = DType::f32}, bf16{.type = DType::bf16};
    const Options swiglu{.activation = Activation::silu, .gated = true},
        clamped{.activation = Activation::quick_gelu, .gated = true, .parts = kBias, .limit = 0.7f, .up_offset = 1};
    const Options all{.activation = Activation::gelu, .parts = kBias | kResidual, .scale = 0.4f},
        capped{.scale = 1.5f, .softcap = 3, .magnitude = 4};
    const auto with = [](Options f, uint32_t parts, uint32_t more = 0) {
        f.parts |= parts;
        f.more = more;
        return f;
    };
    const auto typed = [](Options f, DType type) {
        f.type = type;
        return f;
    };
    Options large = f32, tiny = f16, zeros = f16;
    large.magnitude = 1e30;
    tiny.magnitude = 1e-30;
    zeros.magnitude = 0;
    CaseTable<Options> table{
        "matmul",
        build,
        {// few rows
         make("vector, tiny", {1, 1, 1}, f32), make("vector, one column of one half", {1, 1, 1}, f16),
         make("vector, odd depth f16", {1, 19, 77}, f16), make("vector, odd depth bf16", {3, 33, 13}, bf16),
         make("vector, odd depth f32", {2, 70, 9}, f32), make("vector, no rows", {0, 16, 16}, with(f16, 0, 1)),
         make("vector, f32", {1, 67, 96}, f32), make("vector, bf16", {1, 67, 104}, bf16),
         make("vector, f16 in a larger bucket", {5, 131, 264}, with(f16, 0, 3)),
         make("vector, all parts", {4, 50, 128}, all), make("vector, in place", {2, 40, 64}, with(f16, kInPlace)),
         make("vector, slices", {3, 37, 64}, with(all, kSlices)),
         make("vector, odd slices", {3, 37, 64}, with(all, kOddSlices)), make("vector, softcap", {2, 99, 64}, capped),
         make("vector, swiglu", {1, 65, 136}, swiglu), make("vector, swiglu odd", {7, 9, 21}, swiglu),
         make("vector, swiglu f32 slices", {6, 30, 72}, with(typed(swiglu, DType::f32), kSlices | kResidual)),
         make("vector, clamped glu", {2, 48, 40}, clamped), make("vector, large values", {1, 16, 64}, large),
         make("vector, tiny values", {1, 16, 64}, tiny), make("vector, narrow output", {8, 3, 512}, with(f16, kFixed)),
         make("vector, gated over the storage range", {1, 33001, 1024}, typed(swiglu, DType::f32)),
         make("decode [1 x 512] [512 x 512]", {1, 512, 512}, with(f16, kResidual)),
         make("decode [1 x 512] [512 x 2 x 1408], swiglu", {1, 1408, 512}, swiglu),
         make("decode [1 x 1408] [1408 x 512]", {1, 512, 1408}, with(f16, kResidual)),
         make("decode [1 x 512] [512 x 4096]", {1, 4096, 512}, f16),
         make("decode [1 x 4096] [4096 x 4096] f16", {1, 4096, 4096}, f16),
         make("decode [1 x 512] [512 x 4096] bf16", {1, 4096, 512}, bf16),
         make("decode [4 x 512] [512 x 4096]", {4, 4096, 512}, f16),
         make("decode [8 x 512] [512 x 4096]", {8, 4096, 512}, f16),
         make("decode [1 x 4096] [4096 x 4096] bf16", {1, 4096, 4096}, bf16),
         make("vector, normed", {1, 67, 136}, with(f16, kNorm | kResidual)),
         make("vector, normed f32", {3, 37, 64}, with(f32, kNorm)),
         make("vector, normed swiglu, odd", {7, 9, 21}, with(swiglu, kNorm)),
         make("vector, normed odd slices", {2, 37, 64}, with(all, kNorm | kOddSlices)),
         make("decode [1 x 512] [512 x 2 x 1408], normed swiglu", {1, 1408, 512}, with(swiglu, kNorm)),
         // many rows
         make("tiles, smallest", {9, 1, 1}, f32), make("tiles, odd depth f16", {13, 19, 77}, f16),
         make("tiles, odd depth bf16", {65, 33, 13}, bf16), make("tiles, odd depth f32", {30, 70, 9}, f32),
         make("tiles, odd depth of many rows", {4096, 33, 27}, f32),
         make("tiles, no rows", {0, 16, 16}, with(f16, 0, 70)), make("tiles, f32", {70, 67, 96}, f32),
         make("tiles, bf16", {17, 130, 104}, bf16),
         make("tiles, f16 in a larger bucket", {41, 131, 264}, with(f16, 0, 93)),
         make("tiles, all parts", {33, 50, 128}, all), make("tiles, in place", {20, 40, 64}, with(f16, kInPlace)),
         make("tiles, slices", {34, 37, 64}, with(all, kSlices)),
         make("tiles, odd slices", {34, 37, 64}, with(all, kOddSlices)), make("tiles, softcap", {12, 99, 64}, capped),
         make("tiles, swiglu", {66, 65, 136}, swiglu), make("tiles, swiglu odd", {27, 9, 21}, swiglu),
         make("tiles, swiglu f32 slices", {16, 30, 72}, with(typed(swiglu, DType::f32), kSlices | kResidual)),
         make("tiles, clamped glu", {22, 48, 40}, clamped), make("tiles, large values", {10, 16, 64}, large),
         make("tiles, fixed rows", {100, 3, 512}, with(f16, kFixed)),
         make("tiles, over the storage range", {9, 16500, 2048}, f32),
         make("prefill [256 x 512] [512 x 2816]", {256, 2816, 512}, f16),
         make("prefill [256 x 512] [512 x 2 x 1408], swiglu", {256, 1408, 512}, swiglu),
         make("prefill [256 x 1408] [1408 x 512]", {256, 512, 1408}, with(f16, kResidual)),
         make("prefill [256 x 512] [512 x 512]", {256, 512, 512}, f16),
         make("prefill [32 x 512] [512 x 4096] bf16", {32, 4096, 512}, bf16),
         make("prefill [512 x 1024] [1024 x 1024] f32", {512, 1024, 1024}, f32)}};
    const auto add = [&](const std::string& name, Shape s, Options f) { table.cases.push_back(make(name, s, f)); };
#define weft_ROW(id, NAME, number, elements, bytes, scale)                                                             \
    add("vector, " #id, {3, 37, 512}, typed(all, DType::id));                                                          \
    add("tiles, " #id, {33, 50, 512}, typed(swiglu, DType::id));
    BLOCK_TYPES(weft_ROW)
    OWN_TYPES(weft_ROW)
#undef weft_ROW
    // Blocks of even, odd and whole words.
    for (const DType type : {DType::q4_0, DType::q6_k, DType::mxfp4, DType::q4_k}) {
        const std::string name = name_of(type);
        add("vector, one block " + name, {1, 1, block_info(type).elements}, typed(f16, type));
        add("vector, swiglu " + name, {8, 19, 768}, typed(swiglu, type));
        add("vector, slices " + name, {3, 37, 512}, with(typed(all, type), kSlices));
        add("vector, odd slices " + name, {2, 37, 512}, with(typed(all, type), kOddSlices));
        add("vector, normed " + name, {2, 37, 768}, with(typed(swiglu, type), kNorm));
        add("tiles, odd slices " + name, {34, 37, 768}, with(typed(all, type), kOddSlices));
        add("tiles, three blocks " + name, {20, 9, 3 * block_info(type).elements}, typed(f16, type));
    }
    const auto eight_bits = [](Options f) {
        f.eight_bits = true;
        return f;
    };
#define weft_ROW(id, NAME, number, elements, bytes, scale)                                                             \
    add("vector, 8 bits, " #id, {3, 37, 512}, eight_bits(typed(all, DType::id)));                                      \
    add("tiles, 8 bits, " #id, {33, 50, 512}, eight_bits(typed(swiglu, DType::id)));
    BLOCK_TYPES(weft_ROW)
#undef weft_ROW
    add("vector, 8 bits, zeros", {1, 16, 256}, eight_bits(typed(zeros, DType::q4_k)));
    add("tiles, 8 bits, tiny values", {10, 16, 256}, eight_bits(typed(tiny, DType::q8_0)));
    // Sizes by which devices take other shapes.
    for (const bool rounded : {false, true}) {
        const Options f = rounded ? eight_bits(typed(f16, DType::q8_0)) : typed(f16, DType::q8_0);
        const std::string end = rounded ? ", 8 bits" : "";
        for (const uint32_t depth : {128u, 256u, 1024u, 1152u})
            add("vector, depth " + std::to_string(depth) + end, {1, 37, depth}, f);
        add("vector, wide" + end, {2, 4100, 256}, f);
        add("tiles, narrow" + end, {12, 60, 64}, f);
        add("tiles, few rows" + end, {12, 200, 64}, f);
        for (const uint32_t columns : {1024u, 2048u})
            add("tiles, " + std::to_string(columns) + end, {12, columns, 64}, f);
        add("tiles, many" + end, {512, 512, 64}, f);
    }
    add("vector, more rows, odd depth", {8, 30, 77}, f16);
    add("tiles, wide, odd depth", {12, 4100, 13}, f16);
    add("vector, over the storage range q8_0", {1, 66000, 2048}, typed(f16, DType::q8_0));
    for (const DType type : {DType::q8_0, DType::q4_0, DType::q4_k, DType::q6_k}) {
        const std::string name = name_of(type);
        add("decode [1 x 512] [512 x 4096] " + name, {1, 4096, 512}, typed(f16, type));
        add("decode [1 x 4096] [4096 x 4096] " + name, {1, 4096, 4096}, typed(f16, type));
        add("prefill [256 x 512] [512 x 2816] " + name, {256, 2816, 512}, typed(f16, type));
    }
    return table;
}

} // namespace weft::detail::kernel::cases::matmul
