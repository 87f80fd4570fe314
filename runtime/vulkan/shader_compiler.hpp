// SPDX-License-Identifier: Apache-2.0
// L1: compiling a kernel from a folder of shaders while developing (DeviceOptions::shader_dir).
#pragma once
#include "base/result.hpp"
#include "vulkan/kernel_info.hpp"
#include <filesystem>

namespace weft::detail::vk {

/// Finds KERNEL.comp in a folder of `shaders`, with includes from its lib/, and compiles it with the variant's defines.
/// The interface (buffers, push constants, specialization) must stay what it was when weft was built;
/// a change there needs a rebuild. Fails with the compiler's messages.
Result<std::vector<uint32_t>> compile_shader(const std::filesystem::path& shaders, const KernelInfo& kernel,
                                             const VariantInfo& variant);

} // namespace weft::detail::vk
