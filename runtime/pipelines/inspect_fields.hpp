// SPDX-License-Identifier: Apache-2.0
// L6: the ops of a schedule as data.
#pragma once
#include "schedule/schedule.hpp"
#include <weft/inspect.hpp>

namespace weft::detail {

/// The fields of every op, in the order of stages, blocks and branches: numbers, names and choices, those of nested
/// objects as "rope.factor". Weights and tables stand elsewhere.
std::vector<std::vector<InspectedField>> op_fields(const Schedule& schedule);

} // namespace weft::detail
