// SPDX-License-Identifier: Apache-2.0
// Plans without a device's memory.
#include "schedule/plan.hpp"

namespace weft::detail {

Result<Plan> dry_plan(const vk::Device& device, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
                      const std::vector<StateLayout>& states, const Bucket& bucket, uint32_t context, uint32_t held) {
    const vk::Slice anywhere{VK_NULL_HANDLE, 0, ~0ull, nullptr};
    SessionBuffers b;
    b.headers = b.ends = b.grid_arguments = b.sampler = b.history = b.ring = anywhere;
    b.steps.assign(step_count(schedule),
                   {anywhere, anywhere, anywhere, anywhere, anywhere, anywhere, anywhere, anywhere});
    b.inputs.assign(schedule.inputs.size(), anywhere);
    b.outputs.assign(schedule.outputs.size(), anywhere);
    b.states.assign(states.size(), anywhere);
    b.slots = 1;
    b.constant_rows = 1 + held;
    b.history_capacity = context;
    b.ring_capacity = 64;
    return make_plan(device, schedule, weights, b, states, bucket);
}

bool state_fits(const vk::Device& device, const StateLayout& state, uint32_t rows) {
    const vk::Limits& limits = device.limits();
    const long double bytes = (long double)(state.bytes()) * rows;
    if (bytes > limits.allocation) return false;
    // See kernels/kv_slots.hpp.
    return bytes <= limits.storage_range ||
           (state.law != State::Law::constant && state.bytes() <= limits.storage_range &&
            state.bytes() % vk::Tensor::kAlignment == 0);
}

} // namespace weft::detail
