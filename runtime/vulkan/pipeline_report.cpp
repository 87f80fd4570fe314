// SPDX-License-Identifier: Apache-2.0
#include "vulkan/pipeline_report.hpp"
#include <algorithm>

namespace weft::detail::vk {
namespace {

// As the compilers in Mesa for AMD, NVIDIA, Qualcomm, Apple, Broadcom and Imagination name them; those that one has
// side by side are added. What another compiler says is shown under its own names alone.
struct Named {
    std::optional<uint64_t> PipelineReport::*field;
    std::vector<const char*> names;
};
const std::vector<Named>& named() {
    using R = PipelineReport;
    static const std::vector<Named> all = {
        {&R::registers, {"VGPRs", "Number of GPRs", "Registers used", "GPRs", "Temp count"}},
        {&R::spills,
         {"Spilled VGPRs", "Spilled SGPRs", "Spills to memory", "Fills from memory", "STP Count", "LDP Count", "Spills",
          "Fills", "TMU Spills", "TMU Fills", "Spill count"}},
        {&R::scratch, {"Scratch size", "SLM size", "Scratch", "Spill Size"}},
        {&R::shared_bytes, {"LDS size"}},
        {&R::waves, {"Subgroups per SIMD", "Max warps/SM", "Max Waves Per Core"}},
        {&R::instructions, {"Instructions", "Instruction count", "Instruction Count"}},
        {&R::cycles, {"Latency", "Static cycle count"}},
    };
    return all;
}

uint64_t whole(const PipelineReport::Number& n) {
    return std::visit([](auto x) { return x > 0 ? uint64_t(x) : uint64_t(0); }, n.value);
}

PipelineReport::Number number(const VkPipelineExecutableStatisticKHR& s) {
    switch (s.format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR: return {s.name, s.value.b32 != 0};
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR: return {s.name, s.value.i64};
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR: return {s.name, s.value.f64};
    default: return {s.name, s.value.u64};
    }
}

} // namespace

Result<PipelineReport> report(const Device& device, const PipelineKey& key) {
    if (!device.reports_pipelines())
        return Error{ErrorCode::unsupported, device.summary().name + ": the driver says nothing of its pipelines", {}};
    weft_ASSIGN(const Pipeline pipeline, device.pipelines().get(key));
    const auto& fn = device.fn();
    VkPipelineInfoKHR info{VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR};
    info.pipeline = pipeline.handle;
    const char* what = "what the compiler says of a pipeline";
    uint32_t count = 0;
    weft_TRY(check(fn.vkGetPipelineExecutablePropertiesKHR(device.handle(), &info, &count, nullptr),
                   "vkGetPipelineExecutablePropertiesKHR", what));
    std::vector<VkPipelineExecutablePropertiesKHR> parts(
        count, {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR, nullptr, 0, {}, {}, 0});
    weft_TRY(check(fn.vkGetPipelineExecutablePropertiesKHR(device.handle(), &info, &count, parts.data()),
                   "vkGetPipelineExecutablePropertiesKHR", what));
    PipelineReport r;
    for (uint32_t i = 0; i < count; ++i) {
        r.subgroup_size = std::max(r.subgroup_size, parts[i].subgroupSize);
        VkPipelineExecutableInfoKHR part{VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR};
        part.pipeline = pipeline.handle;
        part.executableIndex = i;
        uint32_t n = 0;
        weft_TRY(check(fn.vkGetPipelineExecutableStatisticsKHR(device.handle(), &part, &n, nullptr),
                       "vkGetPipelineExecutableStatisticsKHR", what));
        std::vector<VkPipelineExecutableStatisticKHR> all(
            n, {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR, nullptr, {}, {}, {}, {}});
        weft_TRY(check(fn.vkGetPipelineExecutableStatisticsKHR(device.handle(), &part, &n, all.data()),
                       "vkGetPipelineExecutableStatisticsKHR", what));
        for (uint32_t s = 0; s < n; ++s) r.numbers.push_back(number(all[s]));
    }
    for (const auto& [field, names] : named())
        for (const PipelineReport::Number& n : r.numbers)
            if (std::ranges::find(names, n.name, [](const char* name) { return std::string(name); }) != names.end())
                r.*field = (r.*field).value_or(0) + whole(n);
    return r;
}

} // namespace weft::detail::vk
