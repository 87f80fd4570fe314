// SPDX-License-Identifier: Apache-2.0
#include "layers/state.hpp"
#include "base/check.hpp"
#include "kernels/cache_row.hpp"
#include <algorithm>

namespace weft::detail {

StateLayout layout_of(const State& state, const StateOptions& o) {
    StateLayout l{state.name, state.law, state.dtype, state.shape};
    if (state.law == State::Law::constant) return l;
    kernel::CacheRow row{state.dtype, state.shape[1]};
    if (state.cache) row = kernel::cache_row(o.kv_dtype, state.shape[1]);
    l.dtype = row.dtype;
    if (state.law == State::Law::memory) {
        l.shape = {state.shape[0], o.memory, row.columns};
        return l;
    }
    // What is not seen any more is overwritten: of the last tokens all but one are needed beside a step's new ones.
    const uint64_t ring = uint64_t(state.reach) - 1 + o.max_chunk;
    if (state.law == State::Law::ring && ring >= o.context) l.law = State::Law::rows;
    l.shape = {state.shape[0], l.law == State::Law::ring ? uint32_t(ring) : o.context, row.columns};
    return l;
}

void States::refer(StateId& id, const State& state) {
    const auto known = std::ranges::find(all_, state);
    if (known == all_.end()) {
        if (problem_.empty())
            problem_ = "be what an earlier op leaves; none leaves the " + state.name + " in this shape";
        return;
    }
    id = StateId(known - all_.begin());
    if (std::ranges::find(used_, id) == used_.end()) used_.push_back(id);
}

States States::anew(std::vector<State> known) {
    States states({});
    states.old_ = std::move(known);
    states.new_of_old_.assign(states.old_.size(), kNoState);
    return states;
}

void States::declare(StateId& id, State state) {
    if (!old_.empty() && id != kNoState) {
        StateId& now = new_of_old_.at(id);
        if (now == kNoState) {
            now = StateId(all_.size());
            all_.push_back(old_[id]);
        }
        id = now;
    }
    if (id == kNoState) {
        id = StateId(all_.size());
        all_.push_back(std::move(state));
    } else weft_CHECK(id < all_.size() && all_[id] == state, "a shared state must be the same for all that share it");
    if (std::ranges::find(used_, id) == used_.end()) used_.push_back(id);
}

} // namespace weft::detail
