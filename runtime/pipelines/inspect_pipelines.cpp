// SPDX-License-Identifier: Apache-2.0
#include "pipelines/inspect_pipelines.hpp"
#include "base/check.hpp"
#include "vulkan/pipeline_report.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

InspectedPipeline described(const vk::PipelineKey& key) {
    InspectedPipeline p{
        key.kernel->name, key.kernel->variants[key.variant].name, {}, {}, 0, {}, {}, {}, {}, {}, {}, {}, {}};
    for (size_t i = 0; i < key.spec.size(); ++i) p.constants.push_back({key.kernel->spec_names[i], key.spec[i]});
    return p;
}

void add(const vk::PipelineReport& r, InspectedPipeline& p) {
    p.subgroup_size = r.subgroup_size;
    p.registers = r.registers;
    p.spills = r.spills;
    p.scratch = r.scratch;
    p.shared_bytes = r.shared_bytes;
    p.waves = r.waves;
    p.instructions = r.instructions;
    p.cycles = r.cycles;
    for (const vk::PipelineReport::Number& n : r.numbers)
        std::visit(
            [&](auto x) {
                if constexpr (std::is_same_v<decltype(x), uint64_t>) p.numbers.push_back({n.name, int64_t(x)});
                else p.numbers.push_back({n.name, x});
            },
            n.value);
}

} // namespace

std::vector<NamedBucket> programs_of(const Schedule& schedule, const SessionOptions& session) {
    std::vector<NamedBucket> all;
    if (!takes_whole(schedule))
        for (const uint32_t sequences : {1u, 8u})
            all.push_back({"decode " + std::to_string(sequences), session.decode(sequences)});
    for (const uint32_t rows : {16u, 256u, 1024u})
        all.push_back({"prefill " + std::to_string(rows), session.prefill(rows, 1)});
    if (runs_before(schedule)) all.push_back({"before 1024", session.ahead(1024, 1)});
    return all;
}

Status report_pipelines(const vk::Device& device, const Planned& planned, Inspection& in) {
    std::vector<vk::PipelineKey> keys;
    const auto programs = programs_of(planned.schedule, planned.session);
    for (size_t i = 0; i < programs.size(); ++i) {
        in.programs.push_back(programs[i].name);
        weft_ASSIGN(const Plan plan, dry_plan(device, planned.schedule, planned.weights, planned.states,
                                              programs[i].bucket, planned.session.context));
        for (const vk::Call& call : plan.program.calls) {
            const vk::PipelineKey key{call.kernel, call.variant, call.spec};
            const auto at = std::ranges::find(keys, key);
            const auto n = size_t(at - keys.begin());
            if (at == keys.end()) {
                keys.push_back(key);
                in.pipelines.push_back(described(key));
                in.pipelines.back().calls.resize(programs.size());
            }
            ++in.pipelines[n].calls[i];
        }
    }
    weft_TRY(device.pipelines().build(keys, {}));
    if (!device.reports_pipelines()) return Ok{};
    for (size_t n = 0; n < keys.size(); ++n) {
        weft_ASSIGN(const vk::PipelineReport r, vk::report(device, keys[n]));
        add(r, in.pipelines[n]);
    }
    return Ok{};
}

} // namespace weft::detail
