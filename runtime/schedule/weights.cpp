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

// Elements of the slot that a piece gives.
uint64_t elements_of(const WeightPiece& piece) {
    const Matrix m = matrix_of(piece);
    return (piece.rows ? piece.rows : m.rows) * m.columns;
}

// Of experts there are several.
uint64_t matrices_of(const WeightSlot& slot) {
    uint64_t n = 1;
    for (size_t i = 0; i + 2 < slot.shape.size(); ++i) n *= slot.shape[i];
    return n;
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
            total += elements_of(piece);
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
            total += elements_of(piece);
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

Result<std::vector<HeldPart>> held_parts(const WeightSlot& slot, const ModelFiles& files, WeightType type) {
    const uint64_t each = slot.count() / matrices_of(slot);
    const auto whole = [&](DType t) { return std::vector<HeldPart>{{t, 0, each}}; };
    if (!slot.matrix || !slot.computed.empty() || type == WeightType::f32) return whole(DType::f32);
    if (type == WeightType::f16) return whole(DType::f16);
    if (type == WeightType::bf16) return whole(DType::bf16);
    // The first matrix says where parts begin; the pieces of the others must fall into them.
    std::vector<HeldPart> parts;
    uint64_t at = 0;
    for (const WeightPiece& piece : pieces_for(slot, files)) {
        const TensorView* view = find(piece, files);
        const auto t = view ? dtype_of(view->type) : std::nullopt;
        if (!t) return Error{ErrorCode::malformed, files.origin() + ": " + slot.name + " cannot be read", {}};
        const uint64_t begin = at % each, end = begin + elements_of(piece);
        if (at < each) {
            if (!parts.empty() && parts.back().dtype == *t) parts.back().count += std::min(end, each) - begin;
            else parts.push_back({*t, begin, std::min(end, each) - begin});
        } else
            for (HeldPart& part : parts) {
                if (part.begin >= end || begin >= part.begin + part.count || part.dtype == *t) continue;
                if (in_blocks(part.dtype) || in_blocks(*t)) return Error{ErrorCode::unsupported, files.origin() + ": the matrices of " + slot.name + " have different types", {}};
                part.dtype = DType::f32; // holds all of them exactly
            }
        at += elements_of(piece);
    }
    return parts;
}

uint64_t held_bytes(const WeightSlot& slot, const std::vector<HeldPart>& parts) {
    uint64_t bytes = 0;
    for (const HeldPart& part : parts) bytes += storage_bytes(part.dtype, matrices_of(slot) * part.count);
    return bytes;
}

namespace {

std::vector<uint32_t> shape_of(const WeightSlot& slot, const HeldPart& part) {
    std::vector<uint32_t> shape = slot.shape;
    if (shape.size() > 1) shape[shape.size() - 2] = uint32_t(part.count / shape.back());
    return shape;
}

// Fills the parts of one slot. `told(bytes)` hears of every batch and may stop it.
Status fill(const WeightSlot& slot, const ModelFiles& files, const std::vector<HeldPart>& held, const DeviceWeight& weight, vk::Uploader& uploader, const std::function<bool(uint64_t)>& told) {
    constexpr uint64_t kBatch = uint64_t(16) << 20;
    const uint64_t each = slot.count() / matrices_of(slot);
    std::vector<std::byte> staging;
    uint64_t at = 0; // element of the slot
    for (const WeightPiece& piece : pieces_for(slot, files)) {
        const TensorView& view = *find(piece, files);
        const Matrix m = matrix_of(piece);
        const uint64_t rows = piece.rows ? piece.rows : m.rows;
        size_t p = 0;
        while (p + 1 < held.size() && at % each >= held[p + 1].begin) ++p;
        const HeldPart& part = held[p];
        const uint64_t row_bytes = bytes_of(part.dtype, m.columns), batch = std::max<uint64_t>(1, kBatch / std::max<uint64_t>(1, row_bytes));
        uint64_t to = bytes_of(part.dtype, at / each * part.count + at % each - part.begin);
        for (uint64_t r = 0; r < rows; r += batch) {
            const uint64_t n = std::min(batch, rows - r);
            const vk::Slice& slice = weight.parts[p].slice;
            std::byte* const bytes = slice.mapped ? slice.mapped + to : (staging.resize(n * row_bytes), staging.data());
            convert(piece, view, part.dtype, piece.first_row + r, n, bytes);
            if (!slice.mapped) weft_TRY(uploader.write(slice.part(to, n * row_bytes), staging));
            to += n * row_bytes;
            if (!told(n * row_bytes)) return Error{ErrorCode::cancelled, "loading was stopped", {}};
        }
        at += rows * m.columns;
    }
    return Ok{};
}

} // namespace

Result<DeviceWeights> DeviceWeights::load(const vk::Device& device, const std::vector<WeightSlot>& slots, const ModelFiles& files, WeightType type, const std::function<bool(uint64_t, uint64_t)>& progress) {
    if (auto problems = check_weights(slots, files); !problems.empty()) {
        if (problems.size() > 20) problems.resize(20), problems.push_back("... and more");
        return Error{ErrorCode::malformed, files.origin() + ": the weights do not fit the config", problems};
    }
    DeviceWeights w(device);
    uint64_t total = 0, done = 0, left = 0; // `left` counts the alignment too
    std::vector<std::vector<HeldPart>> held;
    for (const WeightSlot& slot : slots) {
        weft_ASSIGN(auto parts, held_parts(slot, files, type));
        total += held_bytes(slot, parts);
        left += held_bytes(slot, parts) + parts.size() * vk::Tensor::kAlignment;
        held.push_back(std::move(parts));
    }
    weft_ASSIGN(auto uploader, vk::Uploader::create(device));
    for (size_t i = 0; i < slots.size(); ++i) {
        const WeightSlot& slot = slots[i];
        DeviceWeight weight;
        for (const HeldPart& part : held[i]) {
            const uint64_t bytes = storage_bytes(part.dtype, matrices_of(slot) * part.count);
            auto slice = w.arena_.allocate(bytes, left);
            if (!slice) return in_context(files.origin() + ": " + slot.name, slice.error());
            left -= bytes + vk::Tensor::kAlignment;
            weight.parts.push_back({*slice, part.dtype, shape_of(slot, part)});
        }
        if (!slot.computed.empty()) weft_TRY(uploader.write(weight.parts[0].slice, std::as_bytes(std::span(slot.computed))));
        else weft_TRY(fill(slot, files, held[i], weight, uploader, [&](uint64_t bytes) { return done += bytes, !progress || progress(done, total); }));
        w.weights_.push_back(std::move(weight));
    }
    if (progress) progress(total, total);
    return w;
}

} // namespace weft
