// SPDX-License-Identifier: Apache-2.0
// L4: rows of the tensors of files, in the types of the device.
#pragma once
#include "schedule/weights.hpp"

namespace weft::detail {

/// A piece as a matrix: rows of `columns` elements, in the piece's order.
struct PieceMatrix {
    uint64_t rows = 1, columns = 1;
    uint64_t file_columns = 1; ///< of which `columns` are gathered
};
PieceMatrix matrix_of(const WeightPiece& piece);

/// How many matrices a slot has: of experts several.
uint64_t matrices_of(const WeightSlot& slot);

/// Without axes of 1, which do not count: conv1d weights are [C, 1, K] in files and [C, K] in formulas.
std::vector<uint64_t> squeezed(std::span<const uint64_t> shape);

/// The tensor that the file has of these names; nullptr if none.
const TensorView* find_tensor(std::span<const std::string> names, const ModelFiles& files);

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

/// The device's type for a piece's tensor as it is; nothing if it cannot be a weight. Numbers that are not the file's
/// are f32 where its own type would round them or has blocks, and so are 8-bit floats whose scales change inside of a
/// block.
std::optional<DType> held_type(const WeightPiece& piece, const TensorView& view);

/// Reads the rows that a piece takes of its tensor; zeros where it may be absent and is. `files` is what check_weights
/// found to fit, and outlives the reader, as the piece does.
class PieceReader {
public:
    PieceReader(const PlacedPiece& piece, const ModelFiles& files);
    /// Rows [first, first + count) in the device's type, which is held_type's or f32, f16 or bf16.
    void read(DType type, uint64_t first, uint64_t count, std::byte* to) const;
    /// The bytes of the tensor from the first to the last that read() reads of these rows; nothing where there is no
    /// tensor, or the rows' elements are all over it.
    std::span<const std::byte> source(uint64_t first, uint64_t count) const;

private:
    void rescale(uint64_t row, std::span<float> values) const;

    const PlacedPiece& placed_;
    const WeightPiece& piece_;
    PieceMatrix matrix_;
    const TensorView* view_;
    RowView elements_;                 // where a row begins in the tensor, in elements ...
    uint64_t column_step_ = 1;         // ... and how far apart its own are
    std::vector<double> times_, plus_; // at each place of the axis of the rescaling; empty: there is none
    uint64_t rows_a_place_ = 0;        // so many rows share one; 0: it is the axis of the columns
    std::vector<float> shares_;        // of share_so_far: the whole matrix
};

/// Elements [begin, begin + to.size()) of a slot that check_weights found to fit, in f32; `to` holds zeros.
void read_slot(const WeightSlot& slot, const ModelFiles& files, uint64_t begin, std::span<float> to);

} // namespace weft::detail
