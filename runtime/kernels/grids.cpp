// SPDX-License-Identifier: Apache-2.0
#include "grids.gen.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

void grids(Recorder& r, const Tensor& headers, const Tensor& table, const Tensor& arguments, uint32_t rows) {
    weft_CHECK(arguments.count() >= uint64_t(rows) * 4 && table.count() >= uint64_t(rows) * 12,
               "the grid table must hold all rows");
    r.dispatch<shader::grids>(shader::grids::Variant::core, {},
                              {.headers = headers, .table = table, .arguments = arguments}, {.rows = rows},
                              {.x = {64}});
}

} // namespace weft::detail::kernel
