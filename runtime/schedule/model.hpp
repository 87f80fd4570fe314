// SPDX-License-Identifier: Apache-2.0
// L4: LoadedModel: a schedule with its weights on a device. Immutable; shareable between threads and sessions.
#pragma once
#include "schedule/schedule.hpp"
#include "schedule/weights.hpp"

namespace weft::detail {

struct LoadedModel {
    vk::Device& device;
    Schedule schedule;
    DeviceWeights weights;
    std::vector<std::string> warnings; ///< what the files say and weft did not use
};

} // namespace weft::detail
