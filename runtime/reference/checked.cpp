// SPDX-License-Identifier: Apache-2.0
#include "reference/checked.hpp"
#include <algorithm>
#include <cstring>

namespace weft::detail::kernel {
namespace {

using Keys = std::vector<vk::PipelineKey>; // of calls, in their order

Keys keys_of(const vk::Program& program) {
    Keys keys;
    for (const vk::Call& call : program.calls) keys.push_back({call.kernel, call.variant, call.spec});
    return keys;
}

} // namespace

bool needs_subgroups(const vk::Call& call) {
    return vk::needed_features(*call.kernel, call.variant).has(vk::Feature::subgroup);
}

Result<std::vector<Shaped>> shapes_of(const KernelCase& c, const vk::Device& here, std::span<const Guise> guises) {
    std::vector<Shaped> list;
    std::set<Keys> seen;
    const auto add = [&](const std::string& name, const std::shared_ptr<vk::Device>& device, vk::Program program) {
        if (seen.insert(keys_of(program)).second) list.push_back({name, device, std::move(program)});
    };
    weft_ASSIGN(vk::Program own, plan_case(c, here));
    add("", nullptr, std::move(own));
    for (const Guise& guise : guises) {
        std::shared_ptr<vk::Device> device = guise.device;
        auto program = plan_case(c, *device);
        if (program && device->limits().subgroup_size != here.limits().subgroup_size &&
            std::ranges::any_of(program->calls, needs_subgroups)) {
            device = guise.lanes_here;
            program = plan_case(c, *device);
        }
        if (!program) return in_context("as " + guise.name, program.error());
        add(guise.name, device, std::move(*program));
    }
    return list;
}

bool Coverage::covers(const vk::Program& program) const {
    return std::ranges::all_of(program.pipelines(), [&](const vk::PipelineKey& key) { return ran_.contains(key); });
}

void Coverage::add(const vk::Program& program) {
    for (const vk::PipelineKey& key : program.pipelines()) ran_.insert(key);
}

Result<CheckedRun> run_checked(const CheckedCase& c, vk::Device& device, const vk::Device* shaped_for,
                               const std::function<void(bool)>& on_device) {
    CaseContext context(device, c.seed, shaped_for);
    c.build(context);
    if (on_device) on_device(true);
    const Status status = context.run();
    if (on_device) on_device(false);
    weft_TRY(status);
    CheckedRun run;
    c.check(context, run.verdict);
    context.each([&](const std::string&, const std::vector<float>& values) {
        run.values.insert(run.values.end(), values.begin(), values.end());
    });
    return run;
}

bool same_bits(const CheckedRun& a, const CheckedRun& b) {
    return a.values.size() == b.values.size() &&
           (a.values.empty() || std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(float)) == 0);
}

} // namespace weft::detail::kernel
