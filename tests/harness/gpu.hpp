// SPDX-License-Identifier: Apache-2.0
// Tests: the device they run on, with validation on; skips visibly where there is none,
// and fails on any validation message.
#pragma once
#include "vulkan/device.hpp"
#include <catch2/catch_test_macros.hpp>

namespace weft::test {
using namespace detail;

/// A device with validation. WEFT_TEST_DISABLE=subgroup,integer_dot,... takes features away, to test the lower tiers,
/// mapped_memory the host's sight of device memory, to test staging.
Result<std::unique_ptr<vk::Device>> open_device();

/// The device of this process, or a skip if the machine has no driver.
vk::Device& gpu();

/// Fails the running test if the validation layer said anything of this device since the last call.
void require_no_validation_messages(vk::Device& device = gpu());

/// Skips if the error is that there is no driver, fails on every other.
[[noreturn]] void no_device(const Error& error);

} // namespace weft::test
