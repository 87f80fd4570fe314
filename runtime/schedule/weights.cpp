// SPDX-License-Identifier: Apache-2.0
#include "schedule/weights.hpp"
#include "base/blocks.hpp"
#include "base/check.hpp"
#include "base/half.hpp"
#include "vulkan/tensor.hpp"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace weft {
namespace {

// conv1d weights are [C, 1, K] in files and [C, K] in formulas: axes of 1 do not count.
std::vector<uint64_t> squeezed(std::span<const uint64_t> shape) {
    std::vector<uint64_t> s;
    for (uint64_t d : shape)
        if (d != 1) s.push_back(d);
    return s;
}

const TensorView* find(const WeightPiece& piece, const ModelFiles& files) {
    for (const auto& name : piece.names)
        if (const TensorView* view = files.find(name)) return view;
    return nullptr;
}

// The way to put a slot together that fits the file: its own pieces, or the first alternative, whose first tensor is there in the right shape; or at least there.
const std::vector<WeightPiece>& pieces_for(const WeightSlot& slot, const ModelFiles& files) {
    for (const bool any_shape : {false, true}) {
        const auto fits = [&](const std::vector<WeightPiece>& pieces) {
            const TensorView* view = pieces.empty() ? nullptr : find(pieces[0], files);
            return view && (any_shape || squeezed(view->shape) == squeezed(pieces[0].file_shape));
        };
        if (fits(slot.pieces)) return slot.pieces;
        for (const auto& other : slot.alternatives)
            if (fits(other)) return other;
    }
    return slot.pieces;
}

// A piece as a matrix: rows of `columns` elements, after the transform.
struct Matrix {
    uint64_t rows = 1, columns = 1;
};
Matrix matrix_of(const WeightPiece& piece) {
    Matrix m;
    if (piece.file_shape.empty()) return m;
    m.columns = piece.file_shape.back();
    for (size_t i = 0; i + 1 < piece.file_shape.size(); ++i) m.rows *= piece.file_shape[i];
    if (piece.file_shape.size() == 1) std::swap(m.rows, m.columns); // a vector's elements are its rows
    if (piece.transform == WeightTransform::transpose) std::swap(m.rows, m.columns);
    return m;
}

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

// Rows [first, first + count) of the piece, in the device's type.
void convert(const WeightPiece& piece, const TensorView& view, DType type, uint64_t first, uint64_t count, std::byte* to) {
    const Matrix m = matrix_of(piece);
    const DType file_type = *dtype_of(view.type);
    if (piece.transform == WeightTransform::none && file_type == type) {
        const uint64_t row = bytes_of(type, m.columns);
        std::memcpy(to, view.bytes.data() + first * row, count * row);
        return;
    }
    std::vector<float> unpacked; // these rows, if they are in blocks
    if (in_blocks(file_type)) {
        unpacked.resize(count * m.columns);
        unpack_blocks(file_type, view.bytes.subspan(bytes_of(file_type, first * m.columns), bytes_of(file_type, unpacked.size())), unpacked);
    }
    for (uint64_t r = 0; r < count; ++r)
        for (uint64_t c = 0; c < m.columns; ++c) {
            const bool transposed = piece.transform == WeightTransform::transpose;
            float v = !unpacked.empty() ? unpacked[r * m.columns + c] : element(view, transposed ? c * m.rows + first + r : (first + r) * m.columns + c);
            if (piece.transform == WeightTransform::add_one) v = 1.0f + v;
            if (piece.transform == WeightTransform::negative_exp) v = float(-std::exp(double(v)));
            store(to, type, r * m.columns + c, v);
        }
}

} // namespace

std::string layout_problem(const WeightSlot& slot) {
    if (!slot.computed.empty()) return slot.computed.size() == slot.count() ? "" : "computed must hold " + std::to_string(slot.count()) + " numbers";
    const auto problem = [&](const std::vector<WeightPiece>& pieces) -> std::string {
        uint64_t total = 0;
        for (const WeightPiece& piece : pieces) {
            long double elements = 1; // the shape may come from a file
            for (uint64_t d : piece.file_shape) elements *= d;
            if (piece.names.empty()) return "a piece must have a name";
            if (!(elements >= 1 && elements <= kMostElements)) return "the shape of a piece must have 1 to 2^46 elements";
            const Matrix m = matrix_of(piece);
            if (piece.first_row > m.rows || piece.rows > m.rows - piece.first_row || (piece.rows == 0 && piece.first_row != 0)) return "the rows of a piece must lie within its shape";
            total += (piece.rows ? piece.rows : m.rows) * m.columns;
            if (total > slot.count()) break;
        }
        return total == slot.count() ? "" : "the pieces must have " + std::to_string(slot.count()) + " elements in all";
    };
    std::string found = problem(slot.pieces);
    for (const auto& other : slot.alternatives)
        if (found.empty()) found = problem(other);
    return found;
}

std::vector<std::string> check_weights(const std::vector<WeightSlot>& slots, const ModelFiles& files) {
    std::vector<std::string> problems;
    for (const WeightSlot& slot : slots) {
        if (!slot.computed.empty()) continue;
        uint64_t total = 0;
        bool whole = true;
        for (const WeightPiece& piece : pieces_for(slot, files)) {
            const TensorView* view = find(piece, files);
            if (!view) {
                std::string names;
                for (const auto& name : piece.names) names += (names.empty() ? "'" : " or '") + name + "'";
                problems.push_back("tensor " + names + " is missing (" + slot.name + ")");
                whole = false;
                continue;
            }
            if (squeezed(view->shape) != squeezed(piece.file_shape)) problems.push_back("tensor '" + view->name + "' has shape " + shape_text(view->shape) + ", the config asks for " + shape_text(piece.file_shape) + " (" + slot.name + ")"), whole = false;
            else if (!dtype_of(view->type)) problems.push_back("tensor '" + view->name + "' has type " + name_of(view->type) + "; weft reads F32, F16, BF16 and GGUF's blocks as weights"), whole = false;
            const Matrix m = matrix_of(piece);
            if (const auto type = dtype_of(view->type); whole && type && in_blocks(*type) && (piece.transform == WeightTransform::transpose || m.columns % block_info(*type).elements != 0))
                problems.push_back("tensor '" + view->name + "' has type " + name_of(view->type) + ", whose blocks do not fit rows of " + std::to_string(m.columns) + " (" + slot.name + ")"), whole = false;
            weft_CHECK(piece.first_row + piece.rows <= m.rows, slot.name.c_str());
            total += (piece.rows ? piece.rows : m.rows) * m.columns;
        }
        if (whole) weft_CHECK(total == slot.count(), slot.name.c_str());
    }
    // A tensor that several slots or pieces read is one problem.
    std::vector<std::string> distinct;
    std::set<std::string> seen;
    for (auto& p : problems)
        if (seen.insert(p).second) distinct.push_back(std::move(p));
    return distinct;
}

Result<DType> device_type(const WeightSlot& slot, const ModelFiles& files, WeightType type) {
    if (!slot.matrix || !slot.computed.empty()) return DType::f32;
    if (type == WeightType::f32) return DType::f32;
    if (type == WeightType::f16) return DType::f16;
    if (type == WeightType::bf16) return DType::bf16;
    // Pieces of several types in one slot: only f32 holds all of them exactly.
    std::optional<DType> common;
    for (const WeightPiece& piece : pieces_for(slot, files)) {
        const TensorView* view = find(piece, files);
        const auto t = view ? dtype_of(view->type) : std::nullopt;
        if (!t) return Error{ErrorCode::malformed, files.origin() + ": " + slot.name + " cannot be read", {}};
        common = !common || *common == *t ? *t : DType::f32;
    }
    return common.value_or(DType::bf16);
}

Result<DeviceWeights> DeviceWeights::load(const vk::Device& device, const std::vector<WeightSlot>& slots, const ModelFiles& files, WeightType type, const std::function<bool(uint64_t, uint64_t)>& progress) {
    if (auto problems = check_weights(slots, files); !problems.empty()) {
        if (problems.size() > 20) problems.resize(20), problems.push_back("... and more");
        return Error{ErrorCode::malformed, files.origin() + ": the weights do not fit the config", problems};
    }
    DeviceWeights w(device);
    uint64_t total = 0, done = 0;
    std::vector<DType> types;
    for (const WeightSlot& slot : slots) {
        weft_ASSIGN(const DType t, device_type(slot, files, type));
        types.push_back(t);
        total += storage_bytes(t, slot.count()) + vk::Tensor::kAlignment;
    }
    weft_ASSIGN(auto uploader, vk::Uploader::create(device));
    std::vector<std::byte> staging;
    for (size_t i = 0; i < slots.size(); ++i) {
        const WeightSlot& slot = slots[i];
        DeviceWeight weight{{}, types[i], slot.shape};
        const uint64_t bytes = storage_bytes(types[i], slot.count());
        auto slice = w.arena_.allocate(bytes, total - done);
        if (!slice) return in_context(files.origin() + ": " + slot.name, slice.error());
        weight.slice = *slice;
        uint64_t at = 0;
        if (!slot.computed.empty()) weft_TRY(uploader.write(weight.slice, std::as_bytes(std::span(slot.computed))));
        else
            for (const WeightPiece& piece : pieces_for(slot, files)) {
                const TensorView& view = *find(piece, files);
                const Matrix m = matrix_of(piece);
                const uint64_t rows = piece.rows ? piece.rows : m.rows, row_bytes = bytes_of(types[i], m.columns);
                const uint64_t batch = std::max<uint64_t>(1, (uint64_t(16) << 20) / std::max<uint64_t>(1, row_bytes));
                for (uint64_t r = 0; r < rows; r += batch) {
                    const uint64_t n = std::min(batch, rows - r);
                    std::byte* to = weight.slice.mapped ? weight.slice.mapped + at : (staging.resize(n * row_bytes), staging.data());
                    convert(piece, view, types[i], piece.first_row + r, n, to);
                    if (!weight.slice.mapped) weft_TRY(uploader.write(weight.slice.part(at, n * row_bytes), staging));
                    at += n * row_bytes;
                    if (progress && !progress(done + at, total)) return Error{ErrorCode::cancelled, "loading was stopped", {}};
                }
            }
        done += bytes;
        w.weights_.push_back(std::move(weight));
    }
    if (progress) progress(total, total);
    return w;
}

} // namespace weft
