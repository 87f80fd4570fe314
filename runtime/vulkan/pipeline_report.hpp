// SPDX-License-Identifier: Apache-2.0
// L1: what a driver's compiler says of a pipeline (VK_KHR_pipeline_executable_properties).
#pragma once
#include "vulkan/pipelines.hpp"
#include <optional>
#include <variant>

namespace weft::detail::vk {

struct PipelineReport {
    /// As the driver names and gives it.
    struct Number {
        std::string name;
        std::variant<bool, int64_t, uint64_t, double> value;
    };
    std::vector<Number> numbers;
    uint32_t subgroup_size = 0; ///< 0: the driver does not say
    /// What most compilers say, each under a name of its own; nothing where this one does not.
    std::optional<uint64_t> registers;    ///< of a thread
    std::optional<uint64_t> spills;       ///< registers, stores and loads that do not fit the register file
    std::optional<uint64_t> scratch;      ///< bytes of memory of a thread
    std::optional<uint64_t> shared_bytes; ///< of a workgroup
    std::optional<uint64_t> waves;        ///< subgroups that fit a unit of the processor side by side
    std::optional<uint64_t> instructions;
    std::optional<uint64_t> cycles; ///< of one pass through the shader, as the compiler estimates it
};

/// Builds the pipeline, if need be. Fails (unsupported) where the device was not opened for reports, or the driver has
/// none.
Result<PipelineReport> report(const Device& device, const PipelineKey& key);

} // namespace weft::detail::vk
