// SPDX-License-Identifier: Apache-2.0
#include "kernels/embed.hpp"
#include "embed.gen.hpp"
#include "kernels/row_grid.hpp"
#include <numeric>

namespace weft::detail::kernel {
namespace {

constexpr uint32_t kNoTable = ~0u;

uint32_t type_of(const Tensor& table) {
    weft_CHECK(table.dtype != DType::u32 && table.dtype != DType::i32, "a table must be f32, f16, bf16 or in blocks");
    return block_info(table.dtype).number;
}

} // namespace

void embed(Recorder& r, const EmbedArgs& a) {
    using K = shader::embed;
    const uint32_t columns = a.y.columns(), vocabulary = uint32_t(a.table.rows());
    weft_CHECK(a.table.columns() == columns && a.table.contiguous(),
               "table must be a whole matrix with the columns of y");
    weft_CHECK(a.ids.count() >= a.y.rows(), "there must be an id for every row of y");
    weft_CHECK(!a.position_table || (a.position_table.columns() == columns && a.position_table.contiguous() &&
                                     !in_blocks(a.position_table.dtype)),
               "position_table must be a whole matrix with the columns of y, not in blocks");
    weft_CHECK(!a.position_table || (a.positions && a.positions.count() >= a.y.rows()),
               "a position_table needs a position for every row of y");
    weft_CHECK(!a.residual || (a.residual.columns() == columns && a.residual.rows() >= a.y.rows()),
               "residual must have the shape of y");
    const bool blocks = in_blocks(a.table.dtype), vectors = by_four({a.table, a.position_table, a.residual, a.y});
    weft_CHECK(vectors || !blocks, "rows must begin on four elements where table is in blocks");
    const uint32_t n = vectors ? 4 : 1;
    const RowGrid grid = row_grid(columns / n, a.y.rows(), a.tokens);
    // Slices of the table start on the alignment of bound buffers and end within the storage range.
    const uint64_t row_bytes = bytes_of(a.table.dtype, columns),
                   whole = Tensor::kAlignment / std::gcd(Tensor::kAlignment, row_bytes);
    const uint64_t range = a.slice_bytes ? a.slice_bytes : r.device().limits().storage_range;
    const uint64_t most = a.table.bytes() <= range ? vocabulary : (range - 8) / row_bytes / whole * whole;
    if (most == 0 && vocabulary) return r.misfit(kRowTooLarge);
    uint32_t first = 0;
    do {
        const uint32_t rows = uint32_t(std::min<uint64_t>(most, vocabulary - first));
        const Tensor table = first == 0 && rows == vocabulary ? a.table : a.table.slice_rows(first, rows);
        r.dispatch<K>(blocks    ? K::Variant::blocks
                      : vectors ? K::Variant::vectors
                                : K::Variant::core,
                      {.LOCAL_X = grid.x,
                       .LOCAL_Y = grid.y,
                       .TABLE = type_of(a.table),
                       .POSITION_TABLE = a.position_table ? type_of(a.position_table) : kNoTable,
                       .RESIDUAL = a.residual ? 1u : 0u},
                      {.ids = a.ids,
                       .table = table,
                       .positions = r.or_unused(a.position_table ? a.positions : Tensor{}),
                       .position_table = r.or_unused(a.position_table),
                       .residual = r.or_unused(a.residual),
                       .y = a.y},
                      {.columns = columns / n,
                       .tokens = uint32_t(a.y.rows()),
                       .first = first,
                       .rows = rows,
                       .vocabulary = vocabulary,
                       .position_rows = a.position_table ? uint32_t(a.position_table.rows()) : 0,
                       .position_offset = a.position_offset,
                       .y_stride = a.y.stride / n,
                       .y_start = a.y.start / n,
                       .residual_stride = a.residual.stride / n,
                       .residual_start = a.residual.start / n,
                       .scale = a.scale},
                      grid.threads);
        first += rows;
    } while (first < vocabulary);
}

} // namespace weft::detail::kernel
