// SPDX-License-Identifier: Apache-2.0
#include "schedule/weight_rows.hpp"
#include "base/blocks.hpp"
#include "base/half.hpp"
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace weft {
namespace {

constexpr uint64_t kGroup = 32; // elements of blocks whose scales a file has apart

// Of a type that is not in blocks.
float element(const TensorView& view, uint64_t i) {
    uint32_t word;
    uint16_t half;
    switch (view.type) {
    case FileType::f32: std::memcpy(&word, view.bytes.data() + 4 * i, 4); return std::bit_cast<float>(word);
    case FileType::f16: std::memcpy(&half, view.bytes.data() + 2 * i, 2); return half_to_float(half);
    default: std::memcpy(&half, view.bytes.data() + 2 * i, 2); return bf16_to_float(half);
    }
}

void store(std::byte* to, DType type, uint64_t i, float v) {
    if (type == DType::f32) std::memcpy(to + 4 * i, &v, 4);
    else {
        const uint16_t half = type == DType::f16 ? float_to_half(v) : float_to_bf16(v);
        std::memcpy(to + 2 * i, &half, 2);
    }
}

// Of an 8-bit float's row and column.
float scale_of(const TensorView& view, uint64_t row, uint64_t column) {
    if (!view.scales) return 1;
    const uint64_t rows = view.shape[view.shape.size() - 2], high = (rows + view.scale_rows - 1) / view.scale_rows,
                   wide = (view.shape.back() + view.scale_columns - 1) / view.scale_columns;
    return element(*view.scales,
                   (row / rows * high + row % rows / view.scale_rows) * wide + column / view.scale_columns);
}

// A row of 8-bit floats with scales in blocks: each group of 32 gets its own scale in front.
void join_f8(const TensorView& view, uint64_t row, uint64_t columns, std::byte* to) {
    for (uint64_t c = 0; c < columns; c += kGroup, to += 4 + kGroup) {
        const float scale = scale_of(view, row, c);
        std::memcpy(to, &scale, 4);
        std::memcpy(to + 4, view.bytes.data() + row * columns + c, kGroup);
    }
}

// A row of MXFP4: the exponent goes in front, and a byte's two numbers come to stand 16 elements
// apart instead of side by side.
void join_mxfp4(const TensorView& view, uint64_t row, uint64_t columns, std::byte* to) {
    for (uint64_t block = row * columns / kGroup, end = block + columns / kGroup; block < end; ++block, to += 17) {
        const std::byte* from = view.bytes.data() + block * 16;
        const auto number = [&](uint64_t i) { return from[i / 2] >> i % 2 * 4 & std::byte{15}; };
        to[0] = view.scales->bytes[block];
        for (uint64_t i = 0; i < 16; ++i) to[1 + i] = number(i) | number(i + 16) << 4;
    }
}

// One row of the file's matrix in its own device type.
void copy_row(const TensorView& view, DType type, uint64_t row, uint64_t columns, std::byte* to) {
    if (type == DType::f8_blocks) join_f8(view, row, columns, to);
    else if (view.scales && view.type == FileType::mxfp4) join_mxfp4(view, row, columns, to);
    else std::memcpy(to, view.bytes.data() + bytes_of(type, row * columns), bytes_of(type, columns));
}

// One row as floats, whatever its type.
void float_row(const WeightPiece& piece, const TensorView& view, uint64_t row, uint64_t columns,
               std::vector<std::byte>& blocks, std::vector<float>& to) {
    if (piece.transform == WeightTransform::transpose) { // of each matrix
        const uint64_t rows = piece.file_shape.back();
        for (uint64_t c = 0; c < columns; ++c) to[c] = element(view, (row / rows * columns + c) * rows + row % rows);
        return;
    }
    if (view.type == FileType::f8_e4m3) {
        TensorView numbers{view.name, view.type, {columns}, view.bytes.subspan(row * columns, columns)};
        to = *read_f32(numbers);
        for (uint64_t c = 0; c < columns; ++c) to[c] *= scale_of(view, row, c);
        return;
    }
    const DType type = *dtype_of(view.type);
    if (!in_blocks(type)) {
        for (uint64_t c = 0; c < columns; ++c) to[c] = element(view, row * columns + c);
        return;
    }
    blocks.resize(bytes_of(type, columns));
    copy_row(view, type, row, columns, blocks.data());
    unpack_blocks(type, blocks, to);
}

} // namespace

std::vector<uint64_t> squeezed(std::span<const uint64_t> shape) {
    std::vector<uint64_t> s;
    for (uint64_t d : shape)
        if (d != 1) s.push_back(d);
    return s;
}

const TensorView* find_tensor(const WeightPiece& piece, const ModelFiles& files) {
    for (const auto& name : piece.names)
        if (const TensorView* view = files.find(name)) return view;
    return nullptr;
}

const std::vector<WeightPiece>& pieces_for(const WeightSlot& slot, const ModelFiles& files) {
    for (const bool any_shape : {false, true}) {
        const auto fits = [&](const std::vector<WeightPiece>& pieces) {
            const TensorView* view = pieces.empty() ? nullptr : find_tensor(pieces[0], files);
            return view && (any_shape || squeezed(view->shape) == squeezed(pieces[0].file_shape));
        };
        if (fits(slot.pieces)) return slot.pieces;
        for (const auto& other : slot.alternatives)
            if (fits(other)) return other;
    }
    return slot.pieces;
}

PieceMatrix matrix_of(const WeightPiece& piece) {
    PieceMatrix m;
    if (piece.file_shape.empty()) return m;
    std::vector<uint64_t> shape = piece.file_shape;
    if (piece.transform == WeightTransform::transpose && shape.size() > 1)
        std::swap(shape[shape.size() - 2], shape.back());
    m.columns = shape.back();
    for (size_t i = 0; i + 1 < shape.size(); ++i) m.rows *= shape[i];
    if (shape.size() == 1) std::swap(m.rows, m.columns); // a vector's elements are its rows
    m.file_columns = m.columns;
    if (!piece.gather.empty()) m.columns = piece.gather.size();
    return m;
}

std::vector<PlacedPiece> placed(const std::vector<WeightPiece>& pieces) {
    std::vector<PlacedPiece> list;
    uint64_t at = 0;
    for (const WeightPiece& piece : pieces) {
        const PieceMatrix m = matrix_of(piece);
        RowView rows = piece.rows.of(m.rows);
        const uint64_t count = rows.count();
        list.push_back({&piece, std::move(rows), piece.to.of(count), piece.to.whole() ? at : 0, m.columns, count});
        at += count * m.columns;
    }
    return list;
}

std::optional<DType> held_type(const TensorView& view, uint64_t columns) {
    if (view.type != FileType::f8_e4m3) return dtype_of(view.type);
    const bool whole =
        columns % kGroup == 0 && (!view.scales || view.scale_columns % kGroup == 0 || view.scale_columns >= columns);
    return whole ? DType::f8_blocks : DType::f32;
}

void read_rows(const PlacedPiece& placed, const TensorView& view, DType type, uint64_t first, uint64_t count,
               std::byte* to) {
    const WeightPiece& piece = *placed.piece;
    const PieceMatrix m = matrix_of(piece);
    const uint64_t row_bytes = bytes_of(type, m.columns);
    const bool same = piece.transform == WeightTransform::none && piece.gather.empty() &&
                      held_type(view, m.columns) == type &&
                      (view.type != FileType::f8_e4m3 || type == DType::f8_blocks);
    if (same && !view.scales && type != DType::f8_blocks) {
        const uint64_t run = placed.rows.run();
        for (uint64_t i = first, n; i < first + count; i += n, to += n * row_bytes) {
            n = std::min(run - i % run, first + count - i);
            std::memcpy(to, view.bytes.data() + placed.rows.row(i) * row_bytes, n * row_bytes);
        }
        return;
    }
    std::vector<float> row(m.file_columns), gathered;
    std::vector<std::byte> blocks;
    for (uint64_t i = first; i < first + count; ++i, to += row_bytes) {
        const uint64_t from = placed.rows.row(i);
        if (same) {
            copy_row(view, type, from, m.columns, to);
            continue;
        }
        row.resize(m.file_columns);
        float_row(piece, view, from, m.file_columns, blocks, row);
        for (float& value : row) {
            if (piece.transform == WeightTransform::add_one) value = 1.0f + value;
            if (piece.transform == WeightTransform::negative_exp) value = float(-std::exp(double(value)));
        }
        gathered.clear();
        for (const uint64_t column : piece.gather) gathered.push_back(row[column]);
        const std::vector<float>& values = piece.gather.empty() ? row : gathered;
        for (uint64_t c = 0; c < m.columns; ++c) store(to, type, c, values[c]);
    }
}

} // namespace weft
