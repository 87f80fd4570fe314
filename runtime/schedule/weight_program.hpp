// SPDX-License-Identifier: Apache-2.0
// L4: weights that a small schedule makes, once, of others: such as a filter that a network gives for every lag.
//
// The schedule's rows are tokens, whose ids are the numbers 0, 1, 2 ... of the slot's rows: each is made by itself, by
// what stands in tables at its number. Its one output is the slot.
#pragma once
#include "schedule/schedule.hpp"
#include "schedule/weights.hpp"

namespace weft::detail {

/// Why a slot's program cannot make it, whatever the files hold; empty: it can.
std::string program_problem(const WeightSlot& slot);

/// Loads what the slot's program reads, runs it, and puts its output into `to`, f32 [rows, width]. Blocks until it is
/// done. Fails as loading and sessions do.
Status run_program(vk::Device& device, const WeightSlot& slot, const ModelFiles& files, const vk::Slice& to);

} // namespace weft::detail
