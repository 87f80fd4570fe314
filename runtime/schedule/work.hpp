// SPDX-License-Identifier: Apache-2.0
// L4: the least that a step of a schedule moves and computes: what measured times are held against.
#pragma once
#include "layers/work.hpp"
#include "schedule/schedule.hpp"

namespace weft::detail {

/// `weight_bytes`: of each slot, as the device holds it.
Work work_of(const Schedule& schedule, const std::vector<uint64_t>& weight_bytes, const WorkStep& step);

} // namespace weft::detail
