// SPDX-License-Identifier: Apache-2.0
// L4: rows of the tensors of files, in the types of the device.
#pragma once
#include "schedule/weights.hpp"

namespace weft {

/// A piece as a matrix: rows of `columns` elements, after the transform.
struct PieceMatrix {
    uint64_t rows = 1, columns = 1;
    uint64_t file_columns = 1; ///< of which `columns` are gathered
};
PieceMatrix matrix_of(const WeightPiece& piece);

/// Without axes of 1, which do not count: conv1d weights are [C, 1, K] in files and [C, K] in formulas.
std::vector<uint64_t> squeezed(std::span<const uint64_t> shape);

/// The tensor that the file has of a piece's names; nullptr if none.
const TensorView* find_tensor(const WeightPiece& piece, const ModelFiles& files);

/// The way to put a slot together that fits the file: its own pieces, or the first alternative, whose first tensor is
/// there in the right shape; or at least there.
const std::vector<WeightPiece>& pieces_for(const WeightSlot& slot, const ModelFiles& files);

/// Where the rows of a piece come from, and where they go in a slot.
struct PlacedPiece {
    const WeightPiece* piece;
    RowView rows,
        to; ///< of the file's matrix; of the slot, in rows of `columns` elements from `begin` on; both with axes
    uint64_t begin, columns, count; ///< `count` rows
    /// The element of the slot where row i of the piece begins.
    uint64_t element(uint64_t i) const { return begin + to.row(i) * columns; }
};
/// The pieces of a slot, in their order.
std::vector<PlacedPiece> placed(const std::vector<WeightPiece>& pieces);

/// The device's type for a tensor as it is, in rows of `columns`; nothing if it cannot be a weight.
/// 8-bit floats whose scales change inside of a block are f32.
std::optional<DType> held_type(const TensorView& view, uint64_t columns);

/// Rows [first, first + count) of those that the piece takes of its tensor, `view`, in the device's type, which is
/// held_type's or f32, f16 or bf16.
void read_rows(const PlacedPiece& piece, const TensorView& view, DType type, uint64_t first, uint64_t count,
               std::byte* to);

} // namespace weft
