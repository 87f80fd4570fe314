// SPDX-License-Identifier: Apache-2.0
#include "kernels/series.hpp"
#include "series.gen.hpp"

namespace weft::detail::kernel {

void series(Recorder& r, const SeriesArgs& a) {
    using K = shader::series;
    constexpr uint32_t local = 64;
    weft_CHECK(a.values.contiguous() && a.values.count() <= ~0u,
               "values must be contiguous, and 32 bits must count it");
    weft_CHECK(a.series.columns() == 4 && a.series.contiguous(), "series must be [S, 4]");
    weft_CHECK(a.token_sequence.count() >= a.y.rows() && a.channels.count() >= a.y.rows(),
               "there must be a series and a channel for every row of y");
    weft_CHECK(a.x ? a.x.columns() == a.y.columns() : a.columns.count() >= a.y.rows(),
               "x must be as wide as y; without it there must be a column for every row of y");
    weft_CHECK(a.stride > 0, "the stride must not be 0");
    r.dispatch<K>(K::Variant::core, {.LOCAL = local, .KIND = uint32_t(a.scale.kind), .BACK = a.x ? 1u : 0u},
                  {.values = a.values,
                   .series = a.series,
                   .token_sequence = a.token_sequence,
                   .channels = a.channels,
                   .columns = r.or_unused(a.x ? Tensor{} : a.columns),
                   .x = r.or_unused(a.x),
                   .y = a.y},
                  {.columns = a.y.columns(),
                   .stride = a.stride,
                   .lead = a.lead,
                   .least = a.scale.least,
                   .otherwise = a.scale.otherwise,
                   .x_stride = a.x ? a.x.stride : 0,
                   .x_start = a.x ? a.x.start : 0,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start},
                  {.x = {local}, .y = a.rows});
}

} // namespace weft::detail::kernel
