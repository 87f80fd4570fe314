// SPDX-License-Identifier: Apache-2.0
// L4: weight slots: what a schedule needs from files, and how it is put together from their tensors.
#pragma once
#include "schedule/row_view.hpp"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weft::detail {

struct Schedule;

enum class WeightTransform : uint32_t {
    none,
    add_one,      ///< zero-centred norm weights: 1 + w
    negative_exp, ///< A_log -> -exp(A_log)
    negative_abs, ///< a decay's rate, whichever its sign: -|x|
    or_zeros,     ///< of vectors: as it is, and zeros where the file has no such tensor
    /// Of a matrix: the shares that each row has in a softmax down its column, of the rows from the second to this one
    /// together (HGRN2's lower bounds, a row a layer).
    share_so_far,
};

/// What a weight's numbers x become that another tensor has a say in:
///     (factor * (x - minus) * times / root + plus) * scale
/// where root is sqrt(variance + eps); or, if `normed`, that of the sum of the squares of all numbers of x's tensor
/// that share x's place on the axis; else 1. The weight and the bias of a layer take over the BatchNorm behind it so,
/// and a weight its weight norm; `scale` is that of the whole layer's result. In double precision.
struct Rescale {
    using Names = std::vector<std::string>; ///< of one vector, as of a piece; none: 0, 1, 1, 0 and 1
    uint32_t axis = 0;                      ///< of file_shape, along which the vectors lie
    float factor = 1;
    Names minus = {}, times = {}, variance = {}, plus = {};
    float eps = 0;
    bool normed = false;
    Names scale = {};

    bool operator==(const Rescale&) const = default;
    bool nothing() const { return *this == Rescale{}; }
    /// The vectors that there are.
    std::vector<const Names*> vectors() const {
        std::vector<const Names*> all;
        for (const Names* names : {&minus, &times, &variance, &plus, &scale})
            if (!names->empty()) all.push_back(names);
        return all;
    }
};

/// Rows of a tensor of the file, seen as a matrix of all axes of `file_shape` but the last, in `order`, x the last.
struct WeightPiece {
    std::vector<std::string> names; ///< alternatives; the first that the file has is used
    /// The rule that the file's tensor is held against; axes of 1 in the file are ignored (conv1d [C, 1, K]).
    std::vector<uint64_t> file_shape;
    RowView rows = {}; ///< which of them
    /// Where they go in the slot, in rows as wide as the piece's; without axes behind the elements of all pieces
    /// before.
    RowView to = {};
    WeightTransform transform = WeightTransform::none;
    /// Columns of the rows so far, in this order, each as often as it stands here (tables by distance, T5); empty: all.
    std::vector<uint64_t> gather = {};
    /// The last axes of file_shape in the order in which they are read, by their numbers among themselves; those before
    /// stay: {1, 0} of [in, out] (GPT-2's Conv1D) or of [experts, in, out] (gpt-oss), {1, 2, 0} of a convolution's
    /// [out, in, height, width] whose channels are to run fastest. Empty: as they are.
    std::vector<uint64_t> order = {};
    /// Before the transform.
    Rescale rescale = {};

    bool operator==(const WeightPiece&) const = default;
};
inline const std::vector<uint64_t> kTransposed = {1, 0};

/// A device tensor: the pieces' rows one after another, or each where it says. Matrices keep the file's float
/// type unless asked otherwise; vectors are f32.
struct WeightSlot {
    std::string name; ///< shown in errors and tables
    std::vector<uint32_t> shape;
    bool matrix = true;
    std::vector<WeightPiece> pieces;
    /// Instead of pieces: values made from the config (rotary frequencies, sinusoids), f32 whatever the type asked for.
    std::vector<float> computed;
    /// Other ways to put the same slot together, tried in order when the file does not have the first piece of
    /// `pieces`, or not in its shape (split or stacked experts).
    std::vector<std::vector<WeightPiece>> alternatives;
    bool decay = false; ///< numbers below 0, such as -exp(A_log): random ones above would make states grow without end
    /// Instead of pieces: what makes the slot's rows on the device, once, when the model is loaded
    /// (weight_program.hpp): f32, whatever the type asked for.
    std::shared_ptr<const Schedule> program = {};

    uint64_t parameters() const; ///< numbers of tensors that it is made from
    /// Its numbers are those of tensors.
    bool of_files() const { return computed.empty() && !program; }
    uint64_t count() const {
        uint64_t n = 1;
        for (uint32_t d : shape) n *= d;
        return n;
    }
    /// Of all ways to put it together.
    size_t piece_count() const {
        size_t n = pieces.size() + alternatives.size();
        for (const auto& other : alternatives) n += other.size();
        return n;
    }
};

/// What weft knows of and does not read, by a pattern of its name (`*`: any characters), and why that is right.
struct NotRead {
    std::string name, why;
};

/// Elements of one weight: far beyond any device, and products with a type's size still fit 64 bits.
inline constexpr uint64_t kMostElements = uint64_t(1) << 46;
/// Pieces of all weights of a model; a config of a few bytes must not make weft allocate.
inline constexpr size_t kMostPieces = size_t(1) << 20;

} // namespace weft::detail
