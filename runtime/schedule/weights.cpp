// SPDX-License-Identifier: Apache-2.0
#include "base/check.hpp"
#include "schedule/weight_rows.hpp"
#include "vulkan/tensor.hpp"
#include <algorithm>
#include <fnmatch.h>
#include <set>

namespace weft {
namespace {

// Elements of the slot that a piece gives.
uint64_t elements_of(const WeightPiece& piece) {
    const PieceMatrix m = matrix_of(piece);
    return (piece.rows ? piece.rows : m.rows) * m.columns;
}

bool same_values(const TensorView& a, const TensorView& b) {
    return a.type == b.type && a.shape == b.shape && std::ranges::equal(a.bytes, b.bytes);
}

// Of experts there are several.
uint64_t matrices_of(const WeightSlot& slot) {
    uint64_t n = 1;
    for (size_t i = 0; i + 2 < slot.shape.size(); ++i) n *= slot.shape[i];
    return n;
}

} // namespace

std::string layout_problem(const WeightSlot& slot) {
    if (!slot.computed.empty())
        return slot.computed.size() == slot.count() ? ""
                                                    : "computed must hold " + std::to_string(slot.count()) + " numbers";
    const auto problem = [&](const std::vector<WeightPiece>& pieces) -> std::string {
        uint64_t total = 0;
        for (const WeightPiece& piece : pieces) {
            long double elements = 1; // the shape may come from a file
            for (uint64_t d : piece.file_shape) elements *= d;
            if (piece.names.empty()) return "a piece must have a name";
            if (piece.transform == WeightTransform::or_zeros && slot.matrix)
                return "only pieces of vectors can be zeros where there is no tensor";
            if (!(elements >= 1 && elements <= kMostElements))
                return "the shape of a piece must have 1 to 2^46 elements";
            const PieceMatrix m = matrix_of(piece);
            if (piece.zipped % 2 != 0 || (piece.zipped && (piece.rows ? piece.rows : m.rows) % piece.zipped))
                return "zipped must be even and divide the rows";
            if (std::ranges::any_of(piece.gather, [&](uint64_t column) { return column >= m.file_columns; }))
                return "gather must name columns of the piece's shape";
            if (piece.first_row > m.rows || piece.rows > m.rows - piece.first_row ||
                (piece.rows == 0 && piece.first_row != 0))
                return "the rows of a piece must lie within its shape";
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
            const TensorView* view = find_tensor(piece, files);
            if (!view && piece.transform == WeightTransform::or_zeros) {
                total += elements_of(piece);
                continue;
            }
            if (!view) {
                std::string names;
                std::string promised;
                for (const auto& name : piece.names) {
                    names += (names.empty() ? "'" : " or '") + name + "'";
                    if (promised.empty()) promised = files.promised(name);
                }
                problems.push_back("tensor " + names + " is missing (" + slot.name + ")" +
                                   (promised.empty() ? "" : ", though " + promised));
                whole = false;
                continue;
            }
            if (squeezed(view->shape) != squeezed(piece.file_shape)) {
                problems.push_back("tensor '" + view->name + "' has shape " + shape_text(view->shape) +
                                   ", the config asks for " + shape_text(piece.file_shape) + " (" + slot.name + ")");
                whole = false;
            } else if (!held_type(*view, 1)) {
                problems.push_back("tensor '" + view->name + "' has type " + name_of(view->type) +
                                   "; weft reads F32, F16, BF16, F8_E4M3, MXFP4 and GGUF's blocks as weights");
                whole = false;
            }
            const PieceMatrix m = matrix_of(piece);
            if (const auto type = dtype_of(view->type); whole &&
                                                        (view->type == FileType::f8_e4m3 || in_blocks(*type)) &&
                                                        (piece.transform == WeightTransform::transpose ||
                                                         (type && m.file_columns % block_info(*type).elements != 0))) {
                problems.push_back("tensor '" + view->name + "' has type " + name_of(view->type) +
                                   ", whose blocks do not fit rows of " + std::to_string(m.columns) + " (" + slot.name +
                                   ")");
                whole = false;
            }
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

std::vector<std::string> unused_tensors(const std::vector<WeightSlot>& slots, const std::vector<NotRead>& unneeded,
                                        const ModelFiles& files) {
    std::set<std::string> taken;
    const auto take = [&](const TensorView& view) {
        taken.insert(view.name);
        for (const std::string& part : files.parts_of(view)) taken.insert(part);
    };
    for (const WeightSlot& slot : slots)
        for (const WeightPiece& piece : pieces_for(slot, files)) {
            const TensorView* const first = find_tensor(piece, files);
            if (!first) continue;
            take(*first);
            for (const auto& name : piece.names) // the same numbers once more, such as a tied head
                if (const TensorView* other = files.find(name); other && other != first && same_values(*first, *other))
                    take(*other);
        }
    std::vector<std::string> unused;
    for (const TensorView* view : files.tensors()) {
        const auto fits = [&](const NotRead& n) { return fnmatch(n.name.c_str(), view->name.c_str(), 0) == 0; };
        if (!taken.contains(view->name) && std::ranges::none_of(unneeded, fits))
            unused.push_back("tensor '" + view->name + "' is not used");
    }
    return unused;
}

std::vector<HeldPart> held_whole(const WeightSlot& slot, DType matrix) {
    return {{slot.matrix && slot.computed.empty() ? matrix : DType::f32, 0, slot.count() / matrices_of(slot)}};
}

Result<std::vector<HeldPart>> held_parts(const WeightSlot& slot, const ModelFiles& files, WeightType type) {
    const uint64_t each = slot.count() / matrices_of(slot);
    if (!slot.matrix || !slot.computed.empty() || type == WeightType::f32) return held_whole(slot, DType::f32);
    if (type == WeightType::f16) return held_whole(slot, DType::f16);
    if (type == WeightType::bf16) return held_whole(slot, DType::bf16);
    // The first matrix says where parts begin; the pieces of the others must fall into them.
    std::vector<HeldPart> parts;
    uint64_t at = 0;
    for (const WeightPiece& piece : pieces_for(slot, files)) {
        const TensorView* view = find_tensor(piece, files);
        const auto t = view ? held_type(*view, matrix_of(piece).columns) : std::nullopt;
        if (!t) return Error{ErrorCode::malformed, files.origin() + ": " + slot.name + " cannot be read", {}};
        const uint64_t begin = at % each, end = begin + elements_of(piece);
        if (at < each) {
            if (!parts.empty() && parts.back().dtype == *t) parts.back().count += std::min(end, each) - begin;
            else parts.push_back({*t, begin, std::min(end, each) - begin});
        } else
            for (HeldPart& part : parts) {
                if (part.begin >= end || begin >= part.begin + part.count || part.dtype == *t) continue;
                if (in_blocks(part.dtype) || in_blocks(*t))
                    return Error{ErrorCode::unsupported,
                                 files.origin() + ": the matrices of " + slot.name + " have different types",
                                 {}};
                part.dtype = DType::f32; // holds all of them exactly
            }
        at += elements_of(piece);
    }
    return parts;
}

uint64_t held_bytes(const WeightSlot& slot, const HeldPart& part) {
    return storage_bytes(part.dtype, matrices_of(slot) * part.count);
}

uint64_t held_bytes(const WeightSlot& slot, const std::vector<HeldPart>& parts) {
    uint64_t bytes = 0;
    for (const HeldPart& part : parts) bytes += held_bytes(slot, part);
    return bytes;
}

namespace {

std::vector<uint32_t> shape_of(const WeightSlot& slot, const HeldPart& part) {
    std::vector<uint32_t> shape = slot.shape;
    if (shape.size() > 1) shape[shape.size() - 2] = uint32_t(part.count / shape.back());
    return shape;
}

} // namespace

DeviceWeight described_weight(const WeightSlot& slot, const std::vector<HeldPart>& parts) {
    DeviceWeight weight;
    for (const HeldPart& part : parts)
        weight.parts.push_back({{VK_NULL_HANDLE, 0, ~0ull, nullptr}, part.dtype, shape_of(slot, part)});
    return weight;
}

namespace {

// Fills the parts of one slot. `told(bytes)` hears of every batch and may stop it.
Status fill(const WeightSlot& slot, const ModelFiles& files, const std::vector<HeldPart>& held,
            const DeviceWeight& weight, vk::Uploader& uploader, const std::function<bool(uint64_t)>& told) {
    constexpr uint64_t kBatch = uint64_t(16) << 20;
    const uint64_t each = slot.count() / matrices_of(slot);
    std::vector<std::byte> staging;
    uint64_t at = 0; // element of the slot
    for (const WeightPiece& piece : pieces_for(slot, files)) {
        const TensorView* view = find_tensor(piece, files); // nullptr: zeros
        const PieceMatrix m = matrix_of(piece);
        const uint64_t rows = piece.rows ? piece.rows : m.rows;
        size_t p = 0;
        while (p + 1 < held.size() && at % each >= held[p + 1].begin) ++p;
        const HeldPart& part = held[p];
        const uint64_t row_bytes = bytes_of(part.dtype, m.columns),
                       batch = std::max<uint64_t>(1, kBatch / std::max<uint64_t>(1, row_bytes));
        uint64_t to = bytes_of(part.dtype, at / each * part.count + at % each - part.begin);
        for (uint64_t r = 0; r < rows; r += batch) {
            const uint64_t n = std::min(batch, rows - r);
            const vk::Slice& slice = weight.parts[p].slice;
            std::byte* const bytes = slice.mapped ? slice.mapped + to : (staging.resize(n * row_bytes), staging.data());
            if (view) read_rows(piece, *view, part.dtype, piece.first_row + r, n, bytes);
            else std::fill_n(bytes, n * row_bytes, std::byte{0});
            if (!slice.mapped) weft_TRY(uploader.write(slice.part(to, n * row_bytes), staging));
            to += n * row_bytes;
            if (!told(n * row_bytes)) return Error{ErrorCode::cancelled, "loading was stopped", {}};
        }
        at += rows * m.columns;
    }
    return Ok{};
}

} // namespace

Result<DeviceWeights> DeviceWeights::load(const vk::Device& device, const std::vector<WeightSlot>& slots,
                                          const ModelFiles& files, WeightType type,
                                          const std::function<bool(uint64_t, uint64_t)>& progress) {
    if (auto problems = check_weights(slots, files); !problems.empty()) {
        if (problems.size() > 20) {
            problems.resize(20);
            problems.push_back("... and more");
        }
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
        DeviceWeight weight = described_weight(slot, held[i]);
        for (size_t p = 0; p < held[i].size(); ++p) {
            const uint64_t bytes = held_bytes(slot, held[i][p]);
            auto slice = w.arena_.allocate(bytes, left);
            if (!slice) return in_context(files.origin() + ": " + slot.name, slice.error());
            left -= bytes + vk::Tensor::kAlignment;
            weight.parts[p].slice = *slice;
        }
        if (!slot.computed.empty())
            weft_TRY(uploader.write(weight.parts[0].slice, std::as_bytes(std::span(slot.computed))));
        else
            weft_TRY(fill(slot, files, held[i], weight, uploader, [&](uint64_t bytes) {
                done += bytes;
                return !progress || progress(done, total);
            }));
        w.weights_.push_back(std::move(weight));
    }
    if (progress) progress(total, total);
    return w;
}

} // namespace weft
