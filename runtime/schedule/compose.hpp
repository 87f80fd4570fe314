// SPDX-License-Identifier: Apache-2.0
// L4: schedules put together, and taken apart.
#pragma once
#include "schedule/schedule.hpp"

namespace weft::detail {

/// Puts the stages of `part`, with their weights, before those of `whole`; its outputs are left out. Neither is settled
/// yet.
void put_before(Schedule& whole, Schedule part);

/// Takes out the stages that run when they are given something, and what reads what they leave: of a model that sees
/// pictures what reads text. `origin` is the file that the schedule comes from.
Status without_given(Schedule& schedule, const std::string& origin);

/// Leaves one output and the stages that it is made of, one of another's rows after the other, which run in every step
/// then. `origin` is the file that the schedule comes from.
Status only(Schedule& schedule, const Output& output, const std::string& origin);

} // namespace weft::detail
