// SPDX-License-Identifier: Apache-2.0
#include "kernels/sequence_norm.hpp"
#include "kernels/row_grid.hpp"
#include "sequence_norm.gen.hpp"
#include "sequence_norm_moments.gen.hpp"
#include "sequence_norm_parts.gen.hpp"

namespace weft::detail::kernel {

void sequence_norm(Recorder& r, const SequenceNormArgs& a) {
    constexpr uint32_t local = 64, run = 256; // rows that a lane adds up
    const uint32_t columns = a.x.columns();
    weft_CHECK(a.step.max_tokens > 0, "step must be filled");
    weft_CHECK(a.y.columns() == columns && a.y.rows() <= a.x.rows(), "y must be as x");
    for (const Tensor& t : {a.weight, a.bias})
        weft_CHECK(t.contiguous() && t.count() == columns, "weight and bias must have an element for each column of x");
    const Extent sequences{1, Quantity::sequences};
    const Tensor parts = r.temporary(DType::f32, {a.step.max_tokens / run + a.step.max_sequences + 1, 2, columns},
                                     "moments of runs of rows"),
                 moments = r.temporary(DType::f32, {a.step.max_sequences, 2, columns}, "moments of sequences");
    using P = shader::sequence_norm_parts;
    r.dispatch<P>(P::Variant::core, {.LOCAL = local, .RUN = run},
                  {.sequences = a.step.sequences, .x = a.x, .parts = parts},
                  {.columns = columns, .x_stride = a.x.stride, .x_start = a.x.start},
                  {.x = {columns}, .y = {1, Quantity::longest_new, run}, .z = sequences});
    using M = shader::sequence_norm_moments;
    r.dispatch<M>(M::Variant::core, {.LOCAL = local, .RUN = run},
                  {.sequences = a.step.sequences, .parts = parts, .moments = moments},
                  {.columns = columns, .eps = a.eps}, {.x = {columns}, .y = sequences});
    using K = shader::sequence_norm;
    const RowGrid grid = row_grid(columns, a.y.rows(), {1, Quantity::tokens});
    r.dispatch<K>(K::Variant::core, {.LOCAL_X = grid.x, .LOCAL_Y = grid.y, .ACTIVATION = uint32_t(a.activation)},
                  {.token_sequence = a.step.token_sequence,
                   .x = a.x,
                   .moments = moments,
                   .weight = a.weight,
                   .bias = a.bias,
                   .y = a.y},
                  {.columns = columns,
                   .rows = uint32_t(a.y.rows()),
                   .x_stride = a.x.stride,
                   .x_start = a.x.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start},
                  grid.threads);
}

} // namespace weft::detail::kernel
