// SPDX-License-Identifier: Apache-2.0
#include "pipelines/load.hpp"
#include "models/architecture.hpp"

namespace weft {

Result<std::shared_ptr<const Model>> load_model(vk::Device& device, const ModelFiles& files, WeightType type,
                                                const LoadProgress& progress) {
    weft_ASSIGN(Schedule schedule, make_schedule(files));
    if (files.tensors().empty())
        return Error{ErrorCode::not_found, files.origin() + ": there are no weights (model.safetensors)", {}};
    // Looked up, not multiplied with.
    for (const WeightId id : {schedule.embedding.table, schedule.embedding.positions}) {
        if (id == kNoWeight) continue;
        if (const auto parts = held_parts(schedule.weights[id], files, type); parts && parts->size() > 1)
            return Error{ErrorCode::unsupported,
                         files.origin() + ": the tensors of " + schedule.weights[id].name + " must have one type",
                         {}};
    }
    weft_ASSIGN(auto weights, DeviceWeights::load(device, schedule.weights, files, type, progress));
    return std::make_shared<const Model>(Model{device, std::move(schedule), std::move(weights)});
}

Result<std::shared_ptr<const Model>> random_model(vk::Device& device, const ModelFiles& files, WeightType type,
                                                  uint64_t seed) {
    weft_ASSIGN(Schedule schedule, make_schedule(files));
    weft_ASSIGN(auto weights, DeviceWeights::random(device, schedule.weights, type, seed));
    return std::make_shared<const Model>(Model{device, std::move(schedule), std::move(weights)});
}

} // namespace weft
