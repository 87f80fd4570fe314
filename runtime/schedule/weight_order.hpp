// SPDX-License-Identifier: Apache-2.0
// L4: the canonical order of a schedule's weights, and its hash.
#pragma once
#include "schedule/schedule.hpp"

namespace weft::detail {

/// Puts the weights into the order in which schedule_fields.hpp meets them and marks those that decay.
/// Drops those that nothing uses, merges equal computed ones, and gives each a name of its own.
/// Every schedule that make_schedule or schedule_from_json returns has this order.
void order_weights(Schedule& schedule);

/// The weights that a block uses, each once.
std::vector<WeightId> weights_of(const Block& block);

/// A number for everything that changes the recorded program or what the weights' slots hold: all sizes, options and
/// constants, which weights are shared, their shapes, computed values, and how they are put together from tensors
/// of files (names of tensors included). Not in it: the architecture's name, the trained context, the first token,
/// the slots' own names. It depends on nothing else:
/// the same on every machine, in every run and for every order of the weights. It keys what belongs to one schedule
/// (prefix caches, saved states) beside a key of the weights' values;
/// a new version of weft may change it.
uint64_t hash_of(const Schedule& schedule);

} // namespace weft::detail
