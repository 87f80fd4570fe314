// SPDX-License-Identifier: Apache-2.0
#include "layers/context.hpp"
#include "kernels/norm.hpp"

namespace weft::detail {

void lower_norm(LayerContext& c, const Norm& n, const kernel::Tensor& x, const kernel::Tensor& y, float scale,
                uint32_t width) {
    kernel::norm(c.r, {.x = x,
                       .weight = c.weight(n.weight),
                       .bias = c.weight(n.bias),
                       .y = y,
                       .kind = n.kind,
                       .width = width,
                       .eps = n.eps,
                       .scale = scale});
}

void lower_product(LayerContext& c, WeightId weight, const kernel::MatmulArgs& args) {
    const auto& parts = c.weights.at(weight);
    weft_CHECK(!args.gated || parts.size() == 1, "a gated product takes a weight in one part");
    uint32_t first = 0;
    for (const kernel::Tensor& part : parts) {
        const auto columns = [&](const kernel::Tensor& t) {
            return t && parts.size() > 1 ? t.slice_columns(first, uint32_t(part.rows())) : t;
        };
        kernel::MatmulArgs a = args;
        a.weight = part;
        a.bias = columns(args.bias);
        a.residual = columns(args.residual);
        a.y = columns(args.y);
        kernel::matmul(c.r, a);
        first += uint32_t(part.rows());
    }
}

void lower_linear(LayerContext& c, const Linear& l, const kernel::Tensor& x, const Destination& to,
                  kernel::Activation activation, bool gated) {
    lower_product(c, l.weight,
                  {.x = x,
                   .bias = c.weight(l.bias),
                   .residual = to.residual,
                   .y = to.y,
                   .activation = activation,
                   .gated = gated,
                   .scale = to.scale,
                   .max_rows = c.step.max_tokens});
}

} // namespace weft::detail
