// SPDX-License-Identifier: Apache-2.0
// L4: weights: how slots are held, and loading them to the device.
#pragma once
#include "base/dtype.hpp"
#include "io/model_files.hpp"
#include "schedule/weight_slot.hpp"
#include "vulkan/memory.hpp"
#include <functional>
#include <weft/device.hpp>

namespace weft::detail {

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
    /// Checks every slot against the files first and reports all that is missing or of a wrong shape in one error;
    /// then loads. `progress(bytes done, bytes total)`.
    static Result<DeviceWeights> load(vk::Device& device, const std::vector<WeightSlot>& slots, const ModelFiles& files,
                                      WeightType type, const std::function<bool(uint64_t, uint64_t)>& progress);
    /// Weights made at random on the device, for shapes without files: a function of the seed and
    /// the slots alone. `type` stored means bf16.
    static Result<DeviceWeights> random(vk::Device& device, const std::vector<WeightSlot>& slots, WeightType type,
                                        uint64_t seed);

    const std::vector<DeviceWeight>& all() const { return weights_; }
    uint64_t bytes() const { return arena_.bytes(); }

private:
    explicit DeviceWeights(const vk::Device& device) : arena_(device, vk::MemoryUse::device, "weights") {}
    vk::Arena arena_;
    std::vector<DeviceWeight> weights_;
};

/// How a slot is held: vectors in f32; matrices as asked, or as the file has them.
/// Not every file type can be held (an error says so).
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
/// Problems with the tensors that no slot takes, though none of `unneeded` says that this is right: whoever wrote them
/// meant a model that computes something else.
std::vector<std::string> unused_tensors(const std::vector<WeightSlot>& slots, const std::vector<NotRead>& unneeded,
                                        const ModelFiles& files);

} // namespace weft::detail
