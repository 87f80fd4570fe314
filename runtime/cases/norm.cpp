// SPDX-License-Identifier: Apache-2.0
#include "cases/norm.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::norm {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    const uint32_t columns = s.groups * s.width;
    const size_t n = size_t(s.tokens) * columns;
    Random& random = ctx.random();
    NormArgs a = o.args;
    ctx.step({{0, s.tokens, 0}}, s.tokens + 3); // a bucket larger than the step
    a.width = s.width;
    std::vector<float> x = random.normals(n, o.magnitude);
    if (a.kind == NormKind::sum) // what is divided by its sum is not negative
        for (float& v : x) v = std::abs(v);
    a.x = ctx.input("x", DType::f32, {s.tokens, columns}, x);
    if (o.weight) a.weight = ctx.input("weight", DType::f32, {s.width}, random.uniforms(s.width, 0.5, 1.5));
    if (o.bias) a.bias = ctx.input("bias", DType::f32, {s.width}, random.normals(s.width));
    if (o.residual) a.residual = ctx.input("residual", DType::f32, {s.tokens, columns}, random.normals(n));
    if (a.gate_at != Gate::none) a.gate = ctx.input("gate", DType::f32, {s.tokens, columns}, random.normals(n));
    a.y = ctx.output("y", DType::f32, {s.tokens, columns});
    kernel::norm(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, NormArgs options, bool weight, bool bias, bool residual,
                   double magnitude = 1) {
    Case<Options> c{name, {s, options, weight, bias, residual, magnitude}};
    const uint64_t elements = uint64_t(s.tokens) * s.groups * s.width;
    c.bytes = elements * 4 * (2 + residual + (options.gate_at != Gate::none));
    c.operations = elements * 4;
    return c;
}

} // namespace

CaseTable<Options> table() {
    NormArgs rms, layer, l2, sum, before, after, scaled;
    layer.kind = NormKind::layer;
    l2.kind = NormKind::l2;
    sum.kind = NormKind::sum;
    before.gate_at = Gate::before;
    after.gate_at = Gate::after;
    after.gate_activation = Activation::sigmoid;
    scaled.scale = 0.5f;
    return {"norm",
            build,
            {make("tiny rms", {1, 1, 1}, rms, true, false, false),
             make("odd rms", {7, 1, 77}, rms, true, false, false),
             make("rms of 9", {7, 2, 9}, rms, true, false, false),
             make("rms of 27", {5, 1, 27}, rms, true, false, false),
             make("layer of 45", {3, 1, 45}, layer, true, true, false),
             make("rms without weight", {5, 1, 64}, rms, false, false, false),
             make("layer with bias", {9, 1, 130}, layer, true, true, false),
             make("rms of 200", {5, 1, 200}, rms, true, false, false),
             make("layer of 200 with bias", {3, 1, 200}, layer, true, true, true),
             make("layer of 384", {3, 1, 384}, layer, true, true, false),
             make("layer, large mean spread", {3, 1, 64}, layer, true, true, false, 1e4),
             make("l2 heads", {6, 3, 16}, l2, false, false, false),
             make("sums of heads", {6, 3, 16}, sum, false, false, false),
             make("sums of odd heads", {70, 2, 27}, sum, false, false, false),
             make("rms heads", {11, 4, 24}, rms, true, false, false),
             make("gate before", {5, 2, 40}, before, true, false, false),
             make("gate after", {5, 4, 24}, after, true, false, false),
             make("residual and scale", {5, 1, 96}, scaled, true, false, true),
             make("no tokens", {0, 1, 64}, rms, true, false, false),
             make("tiny values", {4, 1, 64}, rms, true, false, false, 1e-8),
             make("real rms", {256, 1, 1024}, rms, true, false, false),
             make("large rms", {512, 1, 4096}, rms, true, false, false)}};
}

} // namespace weft::detail::kernel::cases::norm
