// SPDX-License-Identifier: Apache-2.0
// L4: a schedule's stages as calls of kernels.
#pragma once
#include "schedule/plan.hpp"

namespace weft::detail {

/// Records what a bucket's steps compute. What does not fit the device is the recorder's misfit.
void lower(vk::Recorder& r, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
           const SessionBuffers& buffers, const std::vector<StateLayout>& states, const Bucket& bucket);

} // namespace weft::detail
