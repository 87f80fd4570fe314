// SPDX-License-Identifier: Apache-2.0
#include "schedule/plan.hpp"
#include "base/result.hpp"
#include "schedule/lower.hpp"
#include "schedule/order.hpp"
#include <algorithm>

namespace weft::detail {

using vk::Tensor;

uint32_t Bucket::rows_of(const Schedule& schedule, StageId stage) const {
    const RowSpace& rows = schedule.stages[stage].rows;
    switch (rows.of) {
    case RowSpace::Of::tokens:
    case RowSpace::Of::patches: return tokens;
    case RowSpace::Of::wanted: return outputs;
    case RowSpace::Of::extra: return sequences * extra_rows(schedule, rows.from);
    case RowSpace::Of::merged:
    case RowSpace::Of::padded: return std::max<uint32_t>(1, uint32_t(tokens / patches_of_a_row(schedule, stage)));
    default: return sequences;
    }
}

std::vector<Tap> taps_of(const Schedule& schedule, bool before) {
    std::vector<Tap> taps;
    for (StageId id = 0; id < schedule.stages.size(); ++id) {
        const Stage& stage = schedule.stages[id];
        if (stage.layers.empty() || before != (stage.when != When::every_step)) continue;
        for (uint32_t i = 0; i <= stage.layers.size() + 1; ++i) taps.push_back({id, i});
    }
    return taps;
}

uint64_t pack_temporaries(const vk::Program& program, std::span<const uint32_t> levels,
                          std::vector<uint64_t>& offsets) {
    const std::vector<Life> lives = lives_of(program, levels);
    const auto bytes_of = [&](size_t resource) {
        constexpr uint64_t align = Tensor::kAlignment;
        return (std::max<uint64_t>(program.resources[resource].bytes, 4) + align - 1) / align * align;
    };
    std::vector<size_t> order;
    for (size_t i = 0; i < lives.size(); ++i)
        if (lives[i].used()) order.push_back(i);
    // Large ones first, each at the lowest place that is free for its whole life.
    std::ranges::stable_sort(order, [&](size_t a, size_t b) { return bytes_of(a) > bytes_of(b); });
    offsets.assign(program.resources.size(), 0);
    uint64_t total = 0;
    // [begin, end) of what is placed, by the levels of its life: most lives are short.
    std::vector<std::vector<std::pair<uint64_t, uint64_t>>> taken_at(levels.empty() ? 0 : levels.back() + 1);
    for (const size_t i : order) {
        std::vector<std::pair<uint64_t, uint64_t>> taken;
        for (size_t at = lives[i].first; at <= lives[i].last; ++at)
            taken.insert(taken.end(), taken_at[at].begin(), taken_at[at].end());
        std::sort(taken.begin(), taken.end());
        const uint64_t bytes = bytes_of(i);
        uint64_t offset = 0;
        for (const auto& [begin, end] : taken) {
            if (begin >= offset + bytes) break;
            offset = std::max(offset, end);
        }
        offsets[i] = offset;
        total = std::max(total, offset + bytes);
        for (size_t at = lives[i].first; at <= lives[i].last; ++at) taken_at[at].push_back({offset, offset + bytes});
    }
    return total;
}

void Plan::place(const vk::Slice& arena) {
    for (size_t i = 0; i < program.resources.size(); ++i)
        if (auto& resource = program.resources[i]; resource.temporary)
            resource.slice = arena.part(offsets[i], std::max<uint64_t>(4, resource.bytes));
}

Result<Plan> make_plan(const vk::Device& device, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
                       const SessionBuffers& buffers, const std::vector<StateLayout>& states, const Bucket& bucket) {
    for (const StateLayout& state : states)
        if (!state_fits(device, state, buffers.rows_of(state)))
            return Error{ErrorCode::unsupported,
                         "one state (" + state.name + ") is larger than a buffer of this device may be (" +
                             std::to_string(std::min(device.limits().storage_range, device.limits().allocation) >> 20) +
                             " MiB)",
                         {}};
    vk::Recorder r(device);
    r.set_grid_arguments(r.external(buffers.grid_arguments, DType::u32, {kGridRows, 4}, "grid arguments"));
    lower(r, schedule, weights, buffers, states, bucket);
    Plan plan;
    weft_ASSIGN(plan.program, r.finish());
    if (plan.program.grid_rows.size() > kGridRows)
        return Error{ErrorCode::unsupported,
                     "the schedule has dispatches of " + std::to_string(plan.program.grid_rows.size()) +
                         " different sizes; a recording holds at most " + std::to_string(kGridRows),
                     {}};
    const std::vector<uint32_t> levels = sort_by_levels(plan.program);
    plan.activation_bytes = pack_temporaries(plan.program, levels, plan.offsets);
    return plan;
}

} // namespace weft::detail
