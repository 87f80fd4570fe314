// SPDX-License-Identifier: Apache-2.0
// Plans without a device's memory.
#include "schedule/plan.hpp"

namespace weft::detail {

Result<Plan> dry_plan(const vk::Device& device, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
                      const std::vector<StateLayout>& states, const Bucket& bucket, uint32_t context, uint32_t held) {
    SessionBuffers b;
    uintptr_t names = 0; // of buffers that nobody opens: what is written must not seem to be one memory
    const auto name = [&](vk::Slice& slice) { slice = {VkBuffer(++names), 0, ~0ull, nullptr}; };
    for (vk::Slice* slice : {&b.headers, &b.ends, &b.grid_arguments, &b.grid_table, &b.sampler, &b.history, &b.ring})
        name(*slice);
    b.steps.resize(step_count(schedule));
    for (StepBuffers& s : b.steps)
        for (vk::Slice* slice : {&s.sequences, &s.token_sequence, &s.positions, &s.pictures, &s.kinds, &s.places,
                                 &s.spans, &s.sides, &s.turns, &s.index, &s.inverse})
            name(*slice);
    b.inputs.resize(schedule.inputs.size());
    b.outputs.resize(schedule.outputs.size());
    b.states.resize(states.size());
    for (std::vector<vk::Slice>* list : {&b.inputs, &b.outputs, &b.states})
        for (vk::Slice& slice : *list) name(slice);
    b.slots = 1;
    b.constant_rows = 1 + held;
    b.history_capacity = context;
    b.ring_capacity = 64;
    weft_ASSIGN(Plan plan, make_plan(device, schedule, weights, b, states, bucket));
    plan.place({VkBuffer(++names), 0, plan.activation_bytes, nullptr});
    return plan;
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
