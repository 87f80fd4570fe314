// SPDX-License-Identifier: Apache-2.0
#include "base/check.hpp"
#include "base/glob.hpp"
#include "schedule/weight_program.hpp"
#include "schedule/weight_rows.hpp"
#include "vulkan/tensor.hpp"
#include <algorithm>
#include <set>

namespace weft::detail {
namespace {

bool same_values(const TensorView& a, const TensorView& b) {
    return a.type == b.type && a.shape == b.shape && std::ranges::equal(a.bytes, b.bytes);
}

// Whether the piece's rows are whole blocks, where the tensor's type has blocks.
bool fits_blocks(const WeightPiece& piece, const TensorView& view) {
    const auto type = dtype_of(view.type);
    if (view.type != FileType::f8_e4m3 && !in_blocks(*type)) return true;
    return piece.order.empty() && (!type || matrix_of(piece).file_columns % block_info(*type).elements == 0);
}

std::string problem_of(const Rescale& r, size_t axes) {
    if (r.nothing()) return "";
    if (r.axis >= axes) return "must be along one of its " + std::to_string(axes) + " axes";
    if (r.normed && !r.variance.empty()) return "must have a variance or be normed, not both";
    return "";
}

std::string problem_of(const WeightPiece& piece, const WeightSlot& slot) {
    if (piece.names.empty()) return "a piece must have a name";
    const std::string name = in_quotes(piece.names[0]);
    if (piece.transform == WeightTransform::or_zeros && slot.matrix)
        return name + " must be there: only pieces of vectors can be zeros where there is no tensor";
    long double elements = 1; // the shape may come from a file
    for (uint64_t d : piece.file_shape) elements *= d;
    if (!(elements >= 1 && elements <= kMostElements)) return "the shape of " + name + " must have 1 to 2^46 elements";
    std::vector<uint64_t> numbers = piece.order;
    std::ranges::sort(numbers);
    for (size_t i = 0; i < numbers.size(); ++i)
        if (numbers.size() > piece.file_shape.size() || numbers[i] != i)
            return "order must name each of the last axes of " + name + ", which has " +
                   std::to_string(piece.file_shape.size()) + ", once";
    if (const std::string found = problem_of(piece.rescale, piece.file_shape.size()); !found.empty())
        return "the rescaling of " + name + " " + found;
    if (piece.transform == WeightTransform::share_so_far && (piece.file_shape.size() != 2 || !piece.order.empty()))
        return name + " must be a matrix in its own order, of which shares are taken";
    const PieceMatrix m = matrix_of(piece);
    if (std::ranges::any_of(piece.gather, [&](uint64_t column) { return column >= m.file_columns; }))
        return "gather must name columns of " + name + ", which has " + std::to_string(m.file_columns);
    if (const std::string found = piece.rows.problem(m.rows); !found.empty())
        return "the rows that are taken of " + name + " " + found;
    if (piece.to.whole()) return "";
    if (const std::string found = piece.to.problem(slot.count() / m.columns); !found.empty())
        return "the rows of the weight that " + name + " goes to " + found;
    if (const uint64_t taken = piece.rows.of(m.rows).count(); piece.to.count() != taken)
        return "the rows of the weight that " + name + " goes to must be as many as are taken of it, " +
               std::to_string(taken);
    return "";
}

// A slot whose pieces say where they go must have each of its elements from one of them.
std::string overlap_of(const std::vector<WeightPiece>& pieces) {
    if (std::ranges::all_of(pieces, [](const WeightPiece& piece) { return piece.to.whole(); })) return "";
    std::vector<std::pair<uint64_t, uint64_t>> runs;
    for (const PlacedPiece& p : placed(pieces)) {
        const uint64_t run = p.to.run();
        if (p.count / run > kMostPieces - runs.size())
            return "the pieces must go to at most " + std::to_string(kMostPieces) + " places";
        for (uint64_t i = 0; i < p.count; i += run) runs.push_back({p.element(i), run * p.columns});
    }
    std::ranges::sort(runs);
    for (size_t i = 0; i + 1 < runs.size(); ++i)
        if (runs[i].first + runs[i].second > runs[i + 1].first) return "the pieces must not go to the same places";
    return "";
}

std::string problem_of(const std::vector<WeightPiece>& pieces, const WeightSlot& slot) {
    uint64_t total = 0;
    for (const WeightPiece& piece : pieces) {
        if (std::string found = problem_of(piece, slot); !found.empty()) return found;
        const PieceMatrix m = matrix_of(piece);
        total += piece.rows.of(m.rows).count() * m.columns;
        if (total > slot.count()) break;
    }
    if (total != slot.count()) return "the pieces must have " + std::to_string(slot.count()) + " elements in all";
    return overlap_of(pieces);
}

} // namespace

uint64_t matrices_of(const WeightSlot& slot) {
    uint64_t n = 1;
    for (size_t i = 0; i + 2 < slot.shape.size(); ++i) n *= slot.shape[i];
    return n;
}

std::string layout_problem(const WeightSlot& slot) {
    if (!slot.computed.empty())
        return slot.computed.size() == slot.count() ? ""
                                                    : "computed must hold " + std::to_string(slot.count()) + " numbers";
    if (slot.program) return program_problem(slot);
    std::string found = problem_of(slot.pieces, slot);
    for (const auto& other : slot.alternatives)
        if (found.empty()) found = problem_of(other, slot);
    return found;
}

namespace {

std::string missing(const std::vector<std::string>& names, const WeightSlot& slot, const ModelFiles& files) {
    std::string all, promised;
    for (const auto& name : names) {
        all += (all.empty() ? "" : " or ") + in_quotes(name);
        if (promised.empty()) promised = files.promised(name);
    }
    return "tensor " + all + " is missing (" + slot.name + ")" + (promised.empty() ? "" : ", though " + promised);
}

std::string other_shape(const TensorView& view, const std::vector<uint64_t>& shape, const WeightSlot& slot) {
    if (squeezed(view.shape) == squeezed(shape)) return "";
    return "tensor '" + view.name + "' has shape " + shape_text(view.shape) + ", the config asks for " +
           shape_text(shape) + " (" + slot.name + ")";
}

// Why the file's tensors do not make this piece, one problem each.
std::vector<std::string> problems_of(const WeightPiece& piece, const WeightSlot& slot, const ModelFiles& files) {
    std::vector<std::string> problems;
    const TensorView* view = find_tensor(piece.names, files);
    if (!view) {
        if (piece.transform != WeightTransform::or_zeros) problems.push_back(missing(piece.names, slot, files));
    } else if (std::string found = other_shape(*view, piece.file_shape, slot); !found.empty())
        problems.push_back(std::move(found));
    else if (!held_type(piece, *view))
        problems.push_back("tensor '" + view->name + "' has type " + name_of(view->type) +
                           "; weft reads F32, F16, BF16, F8_E4M3, MXFP4 and GGUF's blocks as weights");
    else if (!fits_blocks(piece, *view))
        problems.push_back("tensor '" + view->name + "' has type " + name_of(view->type) +
                           ", whose blocks do not fit rows of " + std::to_string(matrix_of(piece).columns) + " (" +
                           slot.name + ")");
    for (const Rescale::Names* names : piece.rescale.vectors()) {
        const TensorView* vector = find_tensor(*names, files);
        const std::vector<uint64_t> shape{piece.file_shape[piece.rescale.axis]};
        if (!vector) problems.push_back(missing(*names, slot, files));
        else if (std::string found = other_shape(*vector, shape, slot); !found.empty())
            problems.push_back(std::move(found));
        else if (vector->type != FileType::f32 && vector->type != FileType::f16 && vector->type != FileType::bf16)
            problems.push_back("tensor '" + vector->name + "' has type " + name_of(vector->type) +
                               "; weft rescales weights by F32, F16 and BF16 (" + slot.name + ")");
    }
    return problems;
}

} // namespace

std::vector<std::string> check_weights(const std::vector<WeightSlot>& slots, const ModelFiles& files) {
    std::vector<std::string> problems;
    for (const WeightSlot& slot : slots) {
        if (slot.program) {
            if (const std::string problem = program_problem(slot); !problem.empty())
                problems.push_back(slot.name + ": " + problem);
            std::ranges::move(check_weights(slot.program->weights, files), std::back_inserter(problems));
        }
        if (!slot.of_files()) continue;
        const std::vector<WeightPiece>& pieces = pieces_for(slot, files);
        if (const std::string problem = problem_of(pieces, slot); !problem.empty()) {
            problems.push_back(slot.name + ": " + problem);
            continue;
        }
        for (const WeightPiece& piece : pieces)
            std::ranges::move(problems_of(piece, slot, files), std::back_inserter(problems));
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
    std::vector<const WeightSlot*> all;
    for (const WeightSlot& slot : slots) {
        all.push_back(&slot);
        if (slot.program)
            for (const WeightSlot& inner : slot.program->weights) all.push_back(&inner);
    }
    for (const WeightSlot* slot : all)
        for (const WeightPiece& piece : pieces_for(*slot, files)) {
            for (const Rescale::Names* names : piece.rescale.vectors())
                if (const TensorView* vector = find_tensor(*names, files)) take(*vector);
            const TensorView* const first = find_tensor(piece.names, files);
            if (!first) continue;
            take(*first);
            for (const auto& name : piece.names) // the same numbers once more, such as a tied head
                if (const TensorView* other = files.find(name); other && other != first && same_values(*first, *other))
                    take(*other);
        }
    std::vector<std::string> unused;
    for (const TensorView* view : files.tensors()) {
        const auto fits = [&](const NotRead& n) { return pattern_fits(n.name, view->name); };
        if (!taken.contains(view->name) && std::ranges::none_of(unneeded, fits))
            unused.push_back("tensor '" + view->name + "' is not used");
    }
    return unused;
}

std::vector<HeldPart> held_whole(const WeightSlot& slot, DType matrix) {
    return {{slot.matrix && slot.of_files() ? matrix : DType::f32, 0, slot.count() / matrices_of(slot)}};
}

Result<std::vector<HeldPart>> held_parts(const WeightSlot& slot, const ModelFiles& files, WeightType type) {
    const uint64_t each = slot.count() / matrices_of(slot);
    if (!slot.matrix || !slot.of_files() || type == WeightType::f32) return held_whole(slot, DType::f32);
    if (type == WeightType::f16) return held_whole(slot, DType::f16);
    if (type == WeightType::bf16) return held_whole(slot, DType::bf16);
    std::vector<HeldPart> first, others; // what lies in the first matrix; in others, as if it lay in the first
    for (const PlacedPiece& p : placed(pieces_for(slot, files))) {
        const TensorView* view = find_tensor(p.piece->names, files);
        const auto t = view ? held_type(*p.piece, *view) : std::nullopt;
        if (!t) return Error{ErrorCode::malformed, files.origin() + ": " + slot.name + " cannot be read", {}};
        const uint64_t run = p.to.run();
        for (uint64_t i = 0; i < p.count; i += run) {
            const uint64_t at = p.element(i), begin = at % each;
            (at < each ? first : others).push_back({*t, begin, std::min(run * p.columns, each - begin)});
        }
    }
    // The first matrix says where parts begin; the pieces of the others must fall into them.
    std::ranges::sort(first, {}, &HeldPart::begin);
    std::vector<HeldPart> parts;
    for (const HeldPart& one : first) {
        if (!parts.empty() && parts.back().dtype == one.dtype) parts.back().count += one.count;
        else parts.push_back(one);
    }
    for (const HeldPart& one : others)
        for (HeldPart& part : parts) {
            if (part.begin >= one.begin + one.count || one.begin >= part.begin + part.count || part.dtype == one.dtype)
                continue;
            if (in_blocks(part.dtype) || in_blocks(one.dtype))
                return Error{ErrorCode::unsupported,
                             files.origin() + ": the matrices of " + slot.name + " have different types",
                             {}};
            part.dtype = DType::f32; // holds all of them exactly
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

} // namespace weft::detail
