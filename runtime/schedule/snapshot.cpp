// SPDX-License-Identifier: Apache-2.0
// L4: what a slot remembers, copied and cut: fork, snapshot, restore, truncate.
#include "schedule/session.hpp"
#include <algorithm>

namespace weft {

// What of a state belongs to a sequence of `length` tokens: of a growing one the rows written so far, of the others all.
uint64_t Session::used_bytes(const StateSpec& spec, uint32_t length) const {
    if (spec.growth == Growth::constant) return spec.bytes();
    return spec.bytes() / spec.shape[0] * std::min(length, spec.shape[0]);
}

vk::Slice Session::state_of(size_t state, uint32_t slot) const { return buffers_.states[state].part(slot * specs_[state].bytes(), specs_[state].bytes()); }

Status Session::fork(uint32_t from, uint32_t to) {
    if (from >= slots_.size() || to >= slots_.size()) return Error{ErrorCode::invalid_argument, "fork: no such slot", {}};
    if (from == to) return Ok{};
    std::vector<vk::Copy> copies;
    for (size_t i = 0; i < specs_.size(); ++i)
        if (const uint64_t bytes = used_bytes(specs_[i], slots_[from].length)) copies.push_back({state_of(i, from).part(0, bytes), state_of(i, to).part(0, bytes)});
    copies.push_back({history_of(from), history_of(to)});
    weft_TRY(uploader_->copy(copies));
    const kernel::SamplerRow sampler = slots_[to].sampler;
    slots_[to] = slots_[from];
    slots_[to].sampler = sampler;
    return Ok{};
}

Result<Snapshot> Session::snapshot(uint32_t slot, Keep keep) {
    if (slot >= slots_.size()) return Error{ErrorCode::invalid_argument, "snapshot: no such slot", {}};
    Snapshot s;
    s.owner = this;
    s.slot = slot;
    s.keep = keep;
    s.length = slots_[slot].length;
    s.next = slots_[slot].next;
    s.sampled = slots_[slot].sampled;
    s.arena = std::make_shared<vk::Arena>(model_->device, vk::MemoryUse::device, "snapshot");
    const auto kept_bytes = [&](const StateSpec& spec) { return keep == Keep::what_cannot_be_cut && spec.growth == Growth::linear ? 0 : used_bytes(spec, s.length); };
    uint64_t total = history_of(slot).size;
    for (const StateSpec& spec : specs_) total += kept_bytes(spec) + vk::Tensor::kAlignment;
    std::vector<vk::Copy> copies;
    const auto copy_aside = [&](const vk::Slice& from) -> Status {
        weft_ASSIGN(const vk::Slice to, s.arena->allocate(from.size, total));
        s.parts.push_back(to);
        if (from.size) copies.push_back({from, to});
        return Ok{};
    };
    for (size_t i = 0; i < specs_.size(); ++i) weft_TRY(copy_aside(state_of(i, slot).part(0, kept_bytes(specs_[i]))));
    weft_TRY(copy_aside(history_of(slot)));
    weft_TRY(uploader_->copy(copies));
    return s;
}

Status Session::restore(uint32_t slot, const Snapshot& s) {
    if (slot >= slots_.size()) return Error{ErrorCode::invalid_argument, "restore: no such slot", {}};
    if (s.owner != this) return Error{ErrorCode::invalid_argument, "restore: the snapshot belongs to another session", {}};
    if (s.keep == Keep::what_cannot_be_cut && (slot != s.slot || slots_[slot].length < s.length))
        return Error{ErrorCode::invalid_argument, "restore: the snapshot is of the states that cannot be cut alone, and the slot does not hold the rest of its " + std::to_string(s.length) + " tokens", {}};
    std::vector<vk::Copy> copies;
    for (size_t i = 0; i < specs_.size(); ++i)
        if (s.parts[i].size) copies.push_back({s.parts[i], state_of(i, slot).part(0, s.parts[i].size)});
    copies.push_back({s.parts.back(), history_of(slot)});
    weft_TRY(uploader_->copy(copies));
    slots_[slot].length = s.length;
    slots_[slot].next = s.next;
    slots_[slot].sampled = s.sampled;
    return Ok{};
}

void Session::reset(uint32_t slot) {
    const kernel::SamplerRow sampler = slots_[slot].sampler;
    slots_[slot] = {};
    slots_[slot].sampler = sampler;
}

bool Session::can_truncate() const {
    return std::all_of(specs_.begin(), specs_.end(), [](const StateSpec& spec) { return spec.growth == Growth::linear; });
}

Status Session::truncate(uint32_t slot, uint32_t length) {
    Slot& s = slots_[slot];
    if (length > s.length) return Error{ErrorCode::invalid_argument, "truncate: the sequence has only " + std::to_string(s.length) + " tokens", {}};
    if (length == s.length) return Ok{};
    if (length == 0) {
        reset(slot);
        return Ok{};
    }
    for (const StateSpec& spec : specs_) {
        if (spec.growth == Growth::constant) return Error{ErrorCode::unsupported, "truncate: a recurrent state cannot forget its last tokens; restore a snapshot", {}};
        // A ring still holds what the shorter sequence needs only while nothing of it was overwritten.
        if (spec.growth == Growth::window && s.length > spec.shape[0] && s.length - length + options_.max_chunk > 0 && s.length > length + (spec.shape[0] - std::min(spec.shape[0], options_.max_chunk)))
            return Error{ErrorCode::unsupported, "truncate: a sliding window has already dropped the tokens that the shorter sequence needs; restore a snapshot", {}};
    }
    s.length = length;
    s.sampled = false;
    return Ok{};
}

} // namespace weft
