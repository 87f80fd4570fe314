// SPDX-License-Identifier: Apache-2.0
#include "vulkan/program.hpp"
#include <algorithm>

namespace weft::detail::vk {
namespace {

bool overlap(const Slice& a, const Slice& b) {
    return a.buffer == b.buffer && a.offset < b.offset + b.size && b.offset < a.offset + a.size;
}

} // namespace

std::vector<PipelineKey> Program::pipelines() const {
    std::vector<PipelineKey> keys;
    for (const Call& call : calls) keys.push_back({call.kernel, call.variant, call.spec});
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
}

Slice Program::slice_of(const Tensor& t) const {
    return resources[t.resource].slice.part(t.offset, std::max<uint64_t>(4, (t.bytes() + 3) / 4 * 4));
}

std::vector<Touch> touches(const Program& program, const Call& call) {
    std::vector<Touch> all;
    const auto add = [&](const Tensor& t, bool writes) {
        const Resource& r = program.resources[t.resource];
        all.push_back({program.slice_of(t), r.temporary && !r.slice ? t.resource : Tensor::kNone, writes});
    };
    for (uint32_t i = 0; i < call.kernel->binding_count; ++i)
        add(call.arguments[i], call.kernel->bindings[i].access != Access::read);
    if (call.indirect()) add(program.grid_arguments, false);
    return all;
}

bool conflict(std::span<const Touch> before, std::span<const Touch> after) {
    return std::ranges::any_of(after, [&](const Touch& b) {
        return std::ranges::any_of(before, [&](const Touch& a) {
            return (a.writes || b.writes) && a.unplaced == b.unplaced && overlap(a.slice, b.slice);
        });
    });
}

std::vector<Wait> waits(const Program& program) {
    std::vector<Wait> list;
    std::vector<Touch> since; // the last wait
    bool sizes = std::ranges::any_of(program.calls, &Call::indirect);
    for (const Call& call : program.calls) {
        const std::vector<Touch> own = touches(program, call);
        const bool waits = list.empty() || conflict(since, own);
        list.push_back(!waits ? Wait::none : sizes ? Wait::arguments : Wait::work);
        if (waits) {
            since.clear();
            sizes = false;
        }
        since.insert(since.end(), own.begin(), own.end());
        if (program.grid_arguments) {
            const Touch read[] = {{program.slice_of(program.grid_arguments), Tensor::kNone, false}};
            sizes |= conflict(own, read);
        }
    }
    return list;
}

} // namespace weft::detail::vk
