// SPDX-License-Identifier: Apache-2.0
#include "kernels/random_fill.hpp"
#include "schedule/replay.hpp"
#include "schedule/weights.hpp"
#include <cmath>

namespace weft::detail {
namespace {

// Numbers of one submission: some milliseconds, even on a software driver.
constexpr uint64_t kSegment = uint64_t(1) << 23;
constexpr double kLongestMs = 100;

// Products keep the size of what they multiply: a row of evenly distributed weights has a norm of about 1.
float deviation_of(const WeightSlot& slot) {
    return slot.matrix && slot.shape.size() > 1 ? float(1.7 / std::sqrt(double(slot.shape.back()))) : 0.5f;
}

} // namespace

Result<DeviceWeights> DeviceWeights::random(vk::Device& device, const std::vector<WeightSlot>& slots, WeightType type,
                                            uint64_t seed) {
    DeviceWeights w(device);
    weft_ASSIGN(auto uploader, vk::Uploader::create(device));
    const DType matrix = type == WeightType::f32 ? DType::f32 : type == WeightType::f16 ? DType::f16 : DType::bf16;
    uint64_t total = 0, since = 0;
    for (const WeightSlot& slot : slots) total += held_bytes(slot, held_whole(slot, matrix)) + vk::Tensor::kAlignment;
    vk::Recorder r(device);
    for (const WeightSlot& slot : slots) {
        DeviceWeight::Part weight{{}, held_whole(slot, matrix)[0].dtype, slot.shape};
        const uint64_t size = slot.count() * size_of(weight.dtype), words = (size + 3) / 4;
        auto slice = w.arena_.allocate(words * 4, total);
        if (!slice) return in_context(slot.name, slice.error());
        weight.slice = *slice;
        total -= std::min(total, size + vk::Tensor::kAlignment);
        if (!slot.computed.empty()) weft_TRY(uploader.put(weight.slice, std::as_bytes(std::span(slot.computed))));
        else {
            if (since >= kSegment) {
                r.segment("weights");
                since = 0;
            }
            since += slot.count();
            kernel::random_fill(r, {.words = r.external(weight.slice, DType::u32, {uint32_t(words)}, slot.name),
                                    .type = weight.dtype,
                                    .deviation = deviation_of(slot),
                                    .negative = slot.decay,
                                    .seed = seed,
                                    .stream = uint32_t(w.weights_.size())});
        }
        w.weights_.push_back({{std::move(weight)}});
    }
    weft_ASSIGN(vk::Program program, r.finish());
    weft_TRY(uploader.finish());
    if (program.calls.empty()) return w;
    weft_TRY(device.pipelines().build(program.pipelines(), {}));
    weft_ASSIGN(vk::Program empty, vk::Recorder(device).finish());
    weft_ASSIGN(auto nothing, vk::Recording::create(device, std::move(empty)));
    weft_ASSIGN(auto recording, vk::Recording::create(device, std::move(program)));
    weft_ASSIGN(auto replay, Replay::create(device, std::move(nothing), std::move(recording)));
    weft_TRY(replay.run(1, kLongestMs, uploader));
    return w;
}

} // namespace weft::detail
