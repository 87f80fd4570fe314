// SPDX-License-Identifier: Apache-2.0
#include "kernels/sequence_norm.hpp"
#include "sequence_norm.gen.hpp"
#include <algorithm>

namespace weft::detail::kernel {

void sequence_norm(Recorder& r, const SequenceNormArgs& a, uint32_t lanes) {
    using K = shader::sequence_norm;
    const uint32_t columns = a.x.columns();
    weft_CHECK(a.y.columns() == columns && a.y.rows() <= a.x.rows(), "y must be as x");
    for (const Tensor& t : {a.weight, a.bias})
        weft_CHECK(t.contiguous() && t.count() == columns, "weight and bias must have an element for each column of x");
    // As in pool(): barriers cost software drivers most, and the order of a sum must not depend on its company.
    if (!lanes) lanes = r.machine().is_cpu() ? 1 : 8;
    r.dispatch<K>(K::Variant::core,
                  {.LOCAL_X = std::min(64u, 128 / lanes), .LOCAL_Y = lanes, .ACTIVATION = uint32_t(a.activation)},
                  {.sequences = a.step.sequences, .x = a.x, .weight = a.weight, .bias = a.bias, .y = a.y},
                  {.columns = columns,
                   .x_stride = a.x.stride,
                   .x_start = a.x.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start,
                   .eps = a.eps},
                  {.x = {columns}, .z = {1, Quantity::sequences}});
}

void sequence_norm(Recorder& r, const SequenceNormArgs& a) { sequence_norm(r, a, 0); }

} // namespace weft::detail::kernel
