// SPDX-License-Identifier: Apache-2.0
// L6: from files to a model on a device.
#pragma once
#include "schedule/model.hpp"
#include <weft/progress.hpp>

namespace weft::detail {

/// Fails with the names of the tensors that no slot takes and that the schedule does not know as unneeded.
Status check_unused_tensors(const Schedule& schedule, const ModelFiles& files);

/// What a task makes of a model's schedule: other heads.
using ScheduleEdit = std::function<Status(Schedule&)>;
/// What text alone needs: without the towers of a model that sees pictures too. `files` must outlive it.
ScheduleEdit text_alone(const ModelFiles& files);

/// Makes the schedule, checks that the device can hold the weights, and loads them (stage load, in bytes). `files` may
/// be closed afterwards.
Result<std::shared_ptr<const LoadedModel>> load_model(vk::Device& device, const ModelFiles& files, WeightType type,
                                                      const ProgressFunction& progress, const ScheduleEdit& edit = {});
/// The same without files' weights: random ones, for timing a config alone.
Result<std::shared_ptr<const LoadedModel>> random_model(vk::Device& device, const ModelFiles& files, WeightType type,
                                                        uint64_t seed, const ScheduleEdit& edit = {});

} // namespace weft::detail
