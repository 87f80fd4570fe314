// SPDX-License-Identifier: Apache-2.0
// L4: weight slots: what a schedule needs from a file, how it is put together, and loading it to the device.
#pragma once
#include "base/dtype.hpp"
#include "io/model_files.hpp"
#include "vulkan/memory.hpp"
#include <functional>
#include <optional>
#include <string>
#include <vector>
#include <weft/device.hpp>

namespace weft {

enum class WeightTransform : uint32_t {
    none,
    transpose,    ///< the file holds [in, out] (GPT-2's Conv1D), or [experts, in, out] (gpt-oss)
    add_one,      ///< zero-centred norm weights: 1 + w
    negative_exp, ///< A_log -> -exp(A_log)
    or_zeros,     ///< of vectors: as it is, and zeros where the file has no such tensor
};

/// Rows [first, first + count) of a tensor of the file, seen as a matrix of `file_shape[0]` (all but the last axis) x
/// `file_shape[last]`.
struct WeightPiece {
    std::vector<std::string> names;   ///< alternatives; the first that the file has is used
    std::vector<uint64_t> file_shape; ///< the rule that the file's tensor is held against; axes of 1 in the file are
                                      ///< ignored (conv1d [C, 1, K])
    uint64_t first_row = 0, rows = 0; ///< rows = 0: all
    WeightTransform transform = WeightTransform::none;
    uint32_t zipped =
        0; ///< the file has, of every so many of these rows, the first and the second half in turn; 0: it does not
};

/// A device tensor: the pieces' rows one after another. Matrices keep the file's float type unless asked otherwise;
/// vectors are f32.
struct WeightSlot {
    std::string name; ///< shown in errors and tables
    std::vector<uint32_t> shape;
    bool matrix = true;
    std::vector<WeightPiece> pieces;
    std::vector<float> computed; ///< instead of pieces: values made from the config (rotary frequencies)
    /// Other ways to put the same slot together, tried in order when the file does not have the first piece of
    /// `pieces`, or not in its shape (split or stacked experts).
    std::vector<std::vector<WeightPiece>> alternatives;
    bool decay = false; ///< numbers below 0, such as -exp(A_log): random ones above would make states grow without end

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

/// Elements of one weight: far beyond any device, and products with a type's size still fit 64 bits.
inline constexpr uint64_t kMostElements = uint64_t(1) << 46;
/// Pieces of all weights of a model; a config of a few bytes must not make weft allocate.
inline constexpr size_t kMostPieces = size_t(1) << 20;

/// Elements [begin, begin + count) of each of a weight's matrices (of a vector: of all), held in one type.
struct HeldPart {
    DType dtype = DType::f32;
    uint64_t begin = 0, count = 0;
};

/// A weight on the device. Where the types of the file's tensors differ, its rows are in several parts, one below the
/// other; of [E, rows, in] each part has some rows of every matrix.
struct DeviceWeight {
    struct Part {
        vk::Slice slice;
        DType dtype = DType::f32;
        std::vector<uint32_t> shape;
    };
    std::vector<Part> parts;
};

/// Weights on the device. Move-only.
class DeviceWeights {
public:
    /// Checks every slot against the files first and reports all that is missing or of a wrong shape in one error; then
    /// loads. `progress(bytes done, bytes total)`.
    static Result<DeviceWeights> load(const vk::Device& device, const std::vector<WeightSlot>& slots,
                                      const ModelFiles& files, WeightType type,
                                      const std::function<bool(uint64_t, uint64_t)>& progress);
    /// Weights made at random on the device, for shapes without files: a function of the seed and the slots alone.
    /// `type` stored means bf16.
    static Result<DeviceWeights> random(vk::Device& device, const std::vector<WeightSlot>& slots, WeightType type,
                                        uint64_t seed);

    const std::vector<DeviceWeight>& all() const { return weights_; }
    uint64_t bytes() const { return arena_.bytes(); }

private:
    explicit DeviceWeights(const vk::Device& device) : arena_(device, vk::MemoryUse::device, "weights") {}
    vk::Arena arena_;
    std::vector<DeviceWeight> weights_;
};

/// How a slot is held: vectors in f32; matrices as asked, or as the file has them. Not every file type can be held (an
/// error says so).
Result<std::vector<HeldPart>> held_parts(const WeightSlot& slot, const ModelFiles& files, WeightType type);
/// How a slot is held where there is no file: matrices as one part of type `matrix`.
std::vector<HeldPart> held_whole(const WeightSlot& slot, DType matrix);
/// The weight that these parts make, on no memory: all that lowering needs.
DeviceWeight described_weight(const WeightSlot& slot, const std::vector<HeldPart>& parts);
/// Bytes of one part, of all parts.
uint64_t held_bytes(const WeightSlot& slot, const HeldPart& part);
uint64_t held_bytes(const WeightSlot& slot, const std::vector<HeldPart>& parts);
/// Why a slot's pieces cannot make its shape, whatever the files hold; empty: they can.
std::string layout_problem(const WeightSlot& slot);
/// Problems of all slots against the files: missing tensors, wrong shapes, wrong types. Empty: all fit.
std::vector<std::string> check_weights(const std::vector<WeightSlot>& slots, const ModelFiles& files);

} // namespace weft
