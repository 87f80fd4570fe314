// SPDX-License-Identifier: Apache-2.0
#include "pipelines/load.hpp"
#include "models/keys.hpp"
#include "schedule/compose.hpp"

namespace weft::detail {
namespace {

constexpr size_t kMostReasons = 20;

std::vector<std::string> warnings_of(const std::vector<KeyUse>& keys, const ModelFiles& files) {
    std::vector<std::string> all;
    const std::string unused = unused_keys(keys, files.gguf() ? files.origin() : files.config_origin());
    if (!unused.empty()) all.push_back(unused);
    if (files.found_mmproj()) all.push_back(files.origin() + ": pictures are seen with " + files.mmproj()->origin());
    return all;
}

} // namespace

Status check_unused_tensors(const Schedule& schedule, const ModelFiles& files) {
    const auto unused = unused_tensors(schedule.weights, schedule.unneeded, files);
    if (unused.empty()) return Ok{};
    Error error{ErrorCode::unsupported,
                files.origin() + ": has tensors that weft does not use, so that its results would be others",
                {unused.begin(), unused.begin() + long(std::min(unused.size(), kMostReasons))}};
    if (unused.size() > kMostReasons) error.reasons.push_back("... and more");
    return error;
}

// What is looked up, not multiplied with, is bound whole.
static Status check_tables(const Schedule& schedule, const Stage& stage, const ModelFiles& files, WeightType type) {
    Status status = Ok{};
    each_op(stage, [&](const Op& op) {
        const auto* embed = op.as<EmbedSpec>();
        if (!embed) return;
        for (const WeightId id : {embed->table, embed->positions}) {
            if (id == kNoWeight) continue;
            if (const auto parts = held_parts(schedule.weights[id], files, type); parts && parts->size() > 1)
                status = Error{ErrorCode::unsupported,
                               files.origin() + ": the tensors of " + schedule.weights[id].name + " must have one type",
                               {}};
        }
    });
    return status;
}

ScheduleEdit text_alone(const ModelFiles& files) {
    return [&files](Schedule& schedule) -> Status {
        weft_TRY(without_given(schedule, files.origin()));
        if (files.gguf() || !files.config() || !files.config()->contains("text_config")) return Ok{};
        weft_ASSIGN(const Json text, language_config(JsonObject(*files.config(), files.config_origin())));
        schedule.architecture = text.at("model_type").get<std::string>();
        return Ok{};
    };
}

Result<std::shared_ptr<const LoadedModel>> load_model(vk::Device& device, const ModelFiles& files, WeightType type,
                                                      const ProgressFunction& progress, const ScheduleEdit& edit) {
    std::vector<KeyUse> keys;
    weft_ASSIGN(Schedule schedule, make_schedule(files, &keys));
    if (files.tensors().empty())
        return Error{ErrorCode::not_found, files.origin() + ": there are no weights (model.safetensors)", {}};
    for (const Stage& stage : schedule.stages) weft_TRY(check_tables(schedule, stage, files, type));
    weft_TRY(check_unused_tensors(schedule, files));
    if (edit) weft_TRY(edit(schedule));
    const auto report = [&](uint64_t done, uint64_t total) {
        return !progress || progress({Progress::Stage::load, done, total});
    };
    weft_ASSIGN(auto weights, DeviceWeights::load(device, schedule.weights, files, type, report));
    return std::make_shared<const LoadedModel>(
        LoadedModel{device, std::move(schedule), std::move(weights), warnings_of(keys, files)});
}

Result<std::shared_ptr<const LoadedModel>> random_model(vk::Device& device, const ModelFiles& files, WeightType type,
                                                        uint64_t seed, const ScheduleEdit& edit) {
    std::vector<KeyUse> keys;
    weft_ASSIGN(Schedule schedule, make_schedule(files, &keys));
    if (edit) weft_TRY(edit(schedule));
    weft_ASSIGN(auto weights, DeviceWeights::random(device, schedule.weights, type, seed));
    return std::make_shared<const LoadedModel>(
        LoadedModel{device, std::move(schedule), std::move(weights), warnings_of(keys, files)});
}

} // namespace weft::detail
