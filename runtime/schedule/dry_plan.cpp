// SPDX-License-Identifier: Apache-2.0
// Plans without a device's memory, and whether one would fit it.
#include "kernels/sample.hpp"
#include "layers/moe.hpp"
#include "schedule/plan.hpp"
#include <algorithm>

namespace weft {

Plan dry_plan(const vk::Device& device, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
              const std::vector<StateLayout>& states, const Bucket& bucket, uint32_t context) {
    const vk::Slice anywhere{VK_NULL_HANDLE, 0, ~0ull, nullptr};
    SessionBuffers b;
    b.header = b.sequences = b.ids = b.positions = b.token_sequence = b.outputs = b.ends = b.logits = b.grid_arguments =
        b.sampler = b.history = b.ring = anywhere;
    b.states.assign(states.size(), anywhere);
    b.slots = 1;
    b.history_capacity = context;
    b.ring_capacity = 64;
    return make_plan(device, schedule, weights, b, states, bucket);
}

Status check_plan(const vk::Device& device, const Schedule& schedule, const std::vector<StateLayout>& states,
                  uint32_t slots, const Bucket& bucket) {
    const uint64_t range = device.limits().storage_range, mib = range >> 20;
    const auto too_large = [&](const std::string& what) {
        return Error{ErrorCode::unsupported,
                     what + " larger than a buffer of this device may be (" + std::to_string(mib) + " MiB)",
                     {}};
    };
    for (const StateLayout& state : states)
        if (!state_fits(device, state, slots)) return too_large("one state is");
    uint64_t widest = schedule.width;
    for (size_t i = 0; i < schedule.weights.size(); ++i) {
        const WeightSlot& slot = schedule.weights[i];
        // Products bind matrices by rows, and the embedding is read in parts of whole rows that end on the alignment;
        // everything else is bound whole.
        const uint64_t bound = slot.matrix && i != schedule.embedding.positions
                                   ? (uint64_t(slot.shape.back()) + 1) * vk::Tensor::kAlignment
                                   : slot.count() * sizeof(float);
        if (bound > range) return too_large("what must be bound at once of " + slot.name + " is");
        if (slot.matrix && i != schedule.embedding.table && i != schedule.head.linear.weight &&
            i != schedule.embedding.positions)
            for (uint32_t d : slot.shape) widest = std::max<uint64_t>(widest, d);
    }
    uint64_t rows = bucket.tokens; // pairs of tokens and experts
    for (const Layer& layer : schedule.layers)
        for (const Block& block : layer.blocks)
            for (const Branch& branch : block.branches)
                if (const auto* moe = branch.op.as<MoeSpec>())
                    rows = std::max(rows, uint64_t(bucket.tokens) * moe->chosen);
    if (rows * widest * sizeof(float) > range)
        return too_large("activations of " + std::to_string(bucket.tokens) + " tokens are");
    const uint64_t logits = uint64_t(bucket.outputs) *
                            (bucket.sampling ? kernel::sample_scratch(schedule.vocabulary) : schedule.vocabulary) *
                            sizeof(float);
    if (logits > range) return too_large("logits of " + std::to_string(bucket.outputs) + " tokens are");
    return Ok{};
}

bool state_fits(const vk::Device& device, const StateLayout& state, uint32_t slots) {
    const vk::Limits& limits = device.limits();
    const long double bytes = (long double)(state.bytes()) * slots;
    if (bytes > limits.allocation) return false;
    // See kernels/kv_slots.hpp.
    return bytes <= limits.storage_range ||
           (state.law != State::Law::constant && state.bytes() <= limits.storage_range &&
            state.bytes() % vk::Tensor::kAlignment == 0);
}

Status check_grids(const vk::Device& device, const vk::Program& program, const Bucket& bucket, uint32_t context) {
    const auto most = [&](vk::Quantity q) -> uint64_t {
        switch (q) {
        case vk::Quantity::one: return 1;
        case vk::Quantity::sequences: return bucket.sequences;
        case vk::Quantity::outputs: return bucket.outputs;
        case vk::Quantity::longest_total: return context;
        default: return bucket.tokens;
        }
    };
    for (const vk::Call& call : program.calls)
        for (int i = 0; i < 3; ++i) {
            const vk::Extent& e = call.threads[i];
            const uint64_t threads = (e.count * most(e.per) + e.divisor - 1) / e.divisor,
                           groups = (threads + call.local[i] - 1) / call.local[i];
            if (groups > device.limits().groups[i])
                return Error{ErrorCode::unsupported,
                             call.label + ": " + std::to_string(groups) + " workgroups along axis " + "xyz"[i] +
                                 ", the device allows " + std::to_string(device.limits().groups[i]),
                             {}};
        }
    return Ok{};
}

} // namespace weft
