// SPDX-License-Identifier: Apache-2.0
// Tests: the device they run on, with validation on; skips visibly where there is none, and fails on any validation message.
#pragma once
#include "vulkan/device.hpp"
#include <catch2/catch_test_macros.hpp>

namespace weft::test {

/// The device of this process, or a skip if the machine has no driver. WEFT_TEST_DISABLE=float16,subgroup,... takes features away, to test the lower tiers.
vk::Device& gpu();

/// Fails the running test if the validation layer said anything since the last call.
void require_no_validation_messages();

} // namespace weft::test
