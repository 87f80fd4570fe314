// SPDX-License-Identifier: Apache-2.0
// Tests: how much workgroup memory a pipeline takes, without a driver.
#pragma once
#include "vulkan/kernel_info.hpp"
#include <vector>

namespace weft::test {
using namespace detail;

/// Bytes of the variant's shared variables with these constants, in the order of KernelInfo::spec_ids, laid out as
/// Vulkan counts them (std430, one variable behind the other). Ends the process at an operation that it does not know.
uint64_t shared_bytes(const vk::KernelInfo& kernel, uint32_t variant, const std::vector<uint32_t>& spec);

} // namespace weft::test
