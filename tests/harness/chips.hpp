// SPDX-License-Identifier: Apache-2.0
// Tests: GPUs that are not there, described by tests/gpus/fixtures/NAME.json. What weft would choose for one can be
// planned anywhere, and run on the device at hand.
#pragma once
#include "reference/checked.hpp"
#include <memory>

namespace weft::test {
using namespace detail;

struct Chip {
    std::string name; ///< of its file
    vk::DeviceSummary summary;
    uint32_t push_constants = 0; ///< maxPushConstantsSize, bytes
};

/// All of them, by their names; fails the test at a file that says anything else than a fixture does, or less.
const std::vector<Chip>& chips();

/// The chip as `here` can run what is chosen for it, which is the rule of every test that runs forms of GPUs elsewhere:
/// of features and limits what both have, and all else the chip's. `subgroups_here`: and the subgroup size of `here`,
/// without which calls that need subgroups would be wrong.
std::unique_ptr<vk::Device> borrowed(const Chip& chip, const vk::Device& here, bool subgroups_here);

/// The chips, as borrowed(); those that get the same here, whatever is asked for, are one, of all their names.
std::vector<kernel::Guise> lookalikes(const vk::Device& here);

/// What of the program is more than the chip takes; empty: nothing.
std::vector<std::string> over_limits(const Chip& chip, const vk::Program& program);

} // namespace weft::test
