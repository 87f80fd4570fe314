// SPDX-License-Identifier: Apache-2.0
#include "schedule/weight_rows.hpp"
#include "base/blocks.hpp"
#include "base/half.hpp"
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace weft::detail {
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

// One row as floats, whatever its type, in the file's order.
void float_row(const TensorView& view, uint64_t row, std::vector<std::byte>& blocks, std::span<float> to) {
    const uint64_t columns = to.size();
    if (view.type == FileType::f8_e4m3) {
        const TensorView numbers{view.name, view.type, {columns}, view.bytes.subspan(row * columns, columns)};
        std::ranges::copy(*read_f32(numbers), to.begin());
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

// The file's axes, a vector's with one of 1 behind it, in the order in which the piece reads them: size and step.
std::vector<RowView::Axis> axes_of(const WeightPiece& piece) {
    std::vector<uint64_t> shape = piece.file_shape;
    if (shape.size() < 2) shape.resize(2, 1);
    std::vector<RowView::Axis> axes;
    uint64_t step = 1;
    for (size_t i = shape.size(); i-- > 0; step *= shape[i]) axes.insert(axes.begin(), {shape[i], step});
    std::vector<RowView::Axis> read = axes;
    const size_t first = piece.file_shape.size() - piece.order.size();
    for (size_t i = 0; i < piece.order.size(); ++i) read[first + i] = axes[first + piece.order[i]];
    return read;
}

// Where one of the file's axes stands in that order.
size_t place_in_order(const WeightPiece& piece, size_t axis) {
    const size_t first = piece.file_shape.size() - piece.order.size();
    if (axis < first) return axis;
    return first + size_t(std::ranges::find(piece.order, axis - first) - piece.order.begin());
}

// Whether the numbers are those of the file, in its order.
bool as_it_is(const WeightPiece& piece) {
    return (piece.transform == WeightTransform::none || piece.transform == WeightTransform::or_zeros) &&
           piece.gather.empty() && piece.order.empty() && piece.rescale.nothing();
}

// `count` numbers of a vector; `otherwise` each if there is none.
std::vector<double> numbers_of(const Rescale::Names& names, const ModelFiles& files, uint64_t count, double otherwise) {
    std::vector<double> numbers(count, otherwise);
    const TensorView* view = find_tensor(names, files);
    const auto values = view ? read_f32(*view) : Result<std::vector<float>>(std::vector<float>());
    if (values && values->size() == count) std::ranges::copy(*values, numbers.begin());
    return numbers;
}

// The root of the sum of the squares of all elements that share a place on an axis, for each such place; `inner`
// elements behind each other share one.
std::vector<double> norms_along(const TensorView& view, uint64_t count, uint64_t inner) {
    const uint64_t columns = view.shape.back();
    std::vector<double> sums(count, 0);
    std::vector<float> row(columns);
    std::vector<std::byte> blocks;
    for (uint64_t begin = 0; begin < view.count(); begin += columns) {
        float_row(view, begin / columns, blocks, row);
        for (uint64_t c = 0; c < columns; ++c) sums[(begin + c) / inner % count] += double(row[c]) * double(row[c]);
    }
    for (double& sum : sums) sum = std::sqrt(sum);
    return sums;
}

// WeightTransform::share_so_far of a whole matrix.
std::vector<float> shares_so_far(const TensorView& view, uint64_t rows, uint64_t columns) {
    std::vector<float> all(rows * columns);
    std::vector<std::byte> blocks;
    for (uint64_t r = 0; r < rows; ++r) float_row(view, r, blocks, std::span(all).subspan(r * columns, columns));
    for (uint64_t c = 0; c < columns; ++c) {
        const auto at = [&](uint64_t r) -> float& { return all[r * columns + c]; };
        double most = double(at(0)), sum = 0, so_far = 0;
        for (uint64_t r = 1; r < rows; ++r) most = std::max(most, double(at(r)));
        for (uint64_t r = 0; r < rows; ++r) sum += std::exp(double(at(r)) - most);
        for (uint64_t r = 0; r < rows; ++r) {
            if (r > 0) so_far += std::exp(double(at(r)) - most) / sum;
            at(r) = float(so_far);
        }
    }
    return all;
}

} // namespace

std::vector<uint64_t> squeezed(std::span<const uint64_t> shape) {
    std::vector<uint64_t> s;
    for (uint64_t d : shape)
        if (d != 1) s.push_back(d);
    return s;
}

const TensorView* find_tensor(std::span<const std::string> names, const ModelFiles& files) {
    for (const auto& name : names)
        if (const TensorView* view = files.find(name)) return view;
    return nullptr;
}

const std::vector<WeightPiece>& pieces_for(const WeightSlot& slot, const ModelFiles& files) {
    for (const bool any_shape : {false, true}) {
        const auto fits = [&](const std::vector<WeightPiece>& pieces) {
            const TensorView* view = pieces.empty() ? nullptr : find_tensor(pieces[0].names, files);
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
    const std::vector<RowView::Axis> axes = axes_of(piece); // a vector's elements are its rows
    for (size_t i = 0; i + 1 < axes.size(); ++i) m.rows *= axes[i].count;
    m.columns = m.file_columns = axes.back().count;
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

std::optional<DType> held_type(const WeightPiece& piece, const TensorView& view) {
    const auto own = view.type == FileType::f8_e4m3 ? std::optional(DType::f8_blocks) : dtype_of(view.type);
    if (!own) return own;
    if (!piece.rescale.nothing() || (in_blocks(*own) && !as_it_is(piece))) return DType::f32;
    if (*own != DType::f8_blocks) return own;
    const uint64_t columns = matrix_of(piece).columns;
    const bool whole =
        columns % kGroup == 0 && (!view.scales || view.scale_columns % kGroup == 0 || view.scale_columns >= columns);
    return whole ? own : DType::f32;
}

PieceReader::PieceReader(const PlacedPiece& placed, const ModelFiles& files)
    : placed_(placed), piece_(*placed.piece), matrix_(matrix_of(piece_)), view_(find_tensor(piece_.names, files)) {
    const std::vector<RowView::Axis> axes = axes_of(piece_);
    elements_.axes.assign(axes.begin(), axes.end() - 1);
    if (view_ && piece_.transform == WeightTransform::share_so_far)
        shares_ = shares_so_far(*view_, matrix_.rows, matrix_.file_columns);
    column_step_ = axes.back().stride;
    const Rescale& r = piece_.rescale;
    if (r.nothing()) return;
    const size_t at = place_in_order(piece_, r.axis);
    const uint64_t count = axes[at].count;
    if (at + 1 < axes.size()) {
        rows_a_place_ = 1;
        for (size_t i = at + 1; i + 1 < axes.size(); ++i) rows_a_place_ *= axes[i].count;
    }
    std::vector<double> root(count, 1);
    if (r.normed && view_) root = norms_along(*view_, count, axes[at].stride);
    if (!r.variance.empty()) {
        root = numbers_of(r.variance, files, count, 1);
        for (double& v : root) v = std::sqrt(v + double(r.eps));
    }
    times_ = numbers_of(r.times, files, count, 1);
    plus_ = numbers_of(r.plus, files, count, 0);
    const std::vector<double> minus = numbers_of(r.minus, files, count, 0),
                              scale = numbers_of(r.scale, files, count, 1);
    for (size_t i = 0; i < count; ++i) {
        times_[i] *= double(r.factor) / root[i] * scale[i];
        plus_[i] = plus_[i] * scale[i] - minus[i] * times_[i];
    }
}

void PieceReader::rescale(uint64_t row, std::span<float> values) const {
    if (times_.empty()) return;
    for (size_t c = 0; c < values.size(); ++c) {
        const uint64_t at = rows_a_place_ ? row / rows_a_place_ % times_.size() : c;
        values[c] = float(double(values[c]) * times_[at] + plus_[at]);
    }
}

std::span<const std::byte> PieceReader::source(uint64_t first, uint64_t count) const {
    if (!view_ || !piece_.order.empty() || count == 0) return {};
    uint64_t low = ~uint64_t(0), high = 0;
    const uint64_t run = placed_.rows.run();
    for (uint64_t i = first, n; i < first + count; i += n) {
        n = std::min(run - i % run, first + count - i);
        low = std::min(low, placed_.rows.row(i));
        high = std::max(high, placed_.rows.row(i) + n);
    }
    const uint64_t row_bytes = view_->bytes.size() / matrix_.rows;
    return view_->bytes.subspan(low * row_bytes, (high - low) * row_bytes);
}

void PieceReader::read(DType type, uint64_t first, uint64_t count, std::byte* to) const {
    const uint64_t row_bytes = bytes_of(type, matrix_.columns);
    if (!view_ && times_.empty()) {
        std::fill_n(to, count * row_bytes, std::byte{0});
        return;
    }
    const bool same = view_ && as_it_is(piece_) && held_type(piece_, *view_) == type &&
                      (view_->type != FileType::f8_e4m3 || type == DType::f8_blocks);
    if (same && !view_->scales && type != DType::f8_blocks) {
        const uint64_t run = placed_.rows.run();
        for (uint64_t i = first, n; i < first + count; i += n, to += n * row_bytes) {
            n = std::min(run - i % run, first + count - i);
            std::memcpy(to, view_->bytes.data() + placed_.rows.row(i) * row_bytes, n * row_bytes);
        }
        return;
    }
    std::vector<float> row(matrix_.file_columns), gathered;
    std::vector<std::byte> blocks;
    for (uint64_t i = first; i < first + count; ++i, to += row_bytes) {
        const uint64_t from = placed_.rows.row(i);
        if (same) {
            copy_row(*view_, type, from, matrix_.columns, to);
            continue;
        }
        if (!view_) std::ranges::fill(row, 0.0f);
        else if (!shares_.empty()) std::copy_n(&shares_[from * row.size()], row.size(), row.begin());
        else if (piece_.order.empty()) float_row(*view_, from, blocks, row);
        else
            for (uint64_t c = 0, begin = elements_.row(from); c < row.size(); ++c)
                row[c] = element(*view_, begin + c * column_step_);
        rescale(from, row);
        for (float& value : row) {
            if (piece_.transform == WeightTransform::add_one) value = 1.0f + value;
            if (piece_.transform == WeightTransform::negative_exp) value = float(-std::exp(double(value)));
            if (piece_.transform == WeightTransform::negative_abs) value = -std::abs(value);
        }
        gathered.clear();
        for (const uint64_t column : piece_.gather) gathered.push_back(row[column]);
        const std::vector<float>& values = piece_.gather.empty() ? row : gathered;
        for (uint64_t c = 0; c < matrix_.columns; ++c) store(to, type, c, values[c]);
    }
}

void read_slot(const WeightSlot& slot, const ModelFiles& files, uint64_t begin, std::span<float> to) {
    const uint64_t end = begin + to.size();
    std::vector<float> values;
    for (const PlacedPiece& piece : placed(pieces_for(slot, files))) {
        const PieceReader reader(piece, files);
        const uint64_t columns = piece.columns, run = piece.to.run(), from = std::max(begin, piece.begin) - piece.begin,
                       until = std::min(piece.to.end() * columns, std::max(end, piece.begin) - piece.begin);
        // In rows of the piece's columns, which may begin and end within others.
        for (uint64_t row = from / columns, n = 1; row * columns < until; row += n) {
            const auto place = piece.to.place_of(row);
            n = place ? std::min(run - *place % run, (until + columns - 1) / columns - row) : 1;
            if (!place) continue;
            values.resize(n * columns);
            reader.read(DType::f32, *place, n, std::as_writable_bytes(std::span(values)).data());
            const uint64_t first = std::max(from, row * columns), last = std::min(until, (row + n) * columns);
            std::copy_n(values.begin() + long(first - row * columns), last - first,
                        to.begin() + long(piece.begin + first - begin));
        }
    }
}

} // namespace weft::detail
