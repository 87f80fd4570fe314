// SPDX-License-Identifier: Apache-2.0
#include "layers/context.hpp"
#include "kernels/matmul.hpp"

namespace weft {

void lower_norm(LayerContext& c, const Norm& n, const kernel::Tensor& x, const kernel::Tensor& y, float scale, uint32_t width) {
    kernel::norm(c.r, {.x = x, .weight = c.weight(n.weight), .bias = c.weight(n.bias), .y = y, .kind = n.kind, .width = width, .eps = n.eps, .scale = scale});
}

void lower_linear(LayerContext& c, const Linear& l, const kernel::Tensor& x, const Destination& to, kernel::Activation activation, bool gated) {
    kernel::matmul(c.r, {.x = x, .weight = c.weight(l.weight), .bias = c.weight(l.bias), .residual = to.residual, .y = to.y, .activation = activation, .gated = gated, .scale = to.scale, .max_rows = c.step.max_tokens});
}

} // namespace weft
