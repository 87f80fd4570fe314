// SPDX-License-Identifier: Apache-2.0
// L6: the kernels compiled into this build.
#pragma once
#include "vulkan/pipelines.hpp"

namespace weft::detail::shader {
/// Every kernel, in the order of its name; written by the build.
std::vector<const vk::KernelInfo*> all_kernels();
} // namespace weft::detail::shader
