// SPDX-License-Identifier: Apache-2.0
// L4: what a slot remembers, copied and cut: fork, snapshot, restore, truncate.
#include "schedule/session.hpp"
#include <algorithm>

namespace weft {

// What of a state belongs to a sequence of `length` tokens: of a growing one the rows written so far,
// head by head, of the others all.
std::vector<vk::Slice> Session::used_of(size_t state, uint32_t slot, uint32_t length, uint32_t memory) const {
    const StateLayout& spec = layouts_[state];
    if (spec.law == State::Law::memory) length = memory;
    const bool constant = spec.law == State::Law::constant;
    const uint64_t row = constant ? state_rows_.of(slot) : slot;
    const vk::Slice all = buffers_.states[state].part(row * spec.bytes(), spec.bytes());
    if (constant || length >= spec.capacity()) return {all};
    const uint64_t head = spec.bytes() / spec.shape[0], used = head / spec.capacity() * length;
    std::vector<vk::Slice> parts;
    for (uint64_t at = 0; used && at < all.size; at += head) parts.push_back(all.part(at, used));
    return parts;
}

Status Session::fork(uint32_t from, uint32_t to) {
    if (from >= slots_.size() || to >= slots_.size())
        return Error{ErrorCode::invalid_argument, "fork: no such slot", {}};
    if (from == to) return Ok{};
    std::vector<vk::Copy> copies;
    for (size_t i = 0; i < layouts_.size(); ++i) {
        if (layouts_[i].law == State::Law::constant) continue;
        const Slot& s = slots_[from];
        const auto theirs = used_of(i, from, s.length, s.memory), ours = used_of(i, to, s.length, s.memory);
        for (size_t p = 0; p < ours.size(); ++p) copies.push_back({theirs[p], ours[p]});
    }
    copies.push_back({history_of(from), history_of(to)});
    weft_TRY(uploader_->copy(copies));
    const kernel::SamplerRow sampler = slots_[to].sampler;
    state_rows_.share(from, to);
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
    s.expected = slots_[slot].expected;
    s.highest = slots_[slot].highest;
    s.memory = slots_[slot].memory;
    s.placement = slots_[slot].placement;
    s.arena = std::make_shared<vk::Arena>(model_->device, vk::MemoryUse::device, "snapshot");
    std::vector<std::vector<vk::Slice>> kept(layouts_.size());
    for (size_t i = 0; i < layouts_.size(); ++i)
        if (keep == Keep::all || layouts_[i].law == State::Law::constant || layouts_[i].law == State::Law::ring ||
            (layouts_[i].law == State::Law::memory && s.placement.left()))
            kept[i] = used_of(i, slot, s.length, s.memory);
    kept.push_back({history_of(slot)});
    const auto bytes_of_all = [](const std::vector<vk::Slice>& slices) {
        return slices.empty() ? 0 : slices.size() * slices[0].size;
    };
    uint64_t total = 0;
    for (const auto& slices : kept) total += bytes_of_all(slices) + vk::Tensor::kAlignment;
    std::vector<vk::Copy> copies;
    for (const auto& slices : kept) {
        weft_ASSIGN(const vk::Slice to, s.arena->allocate(bytes_of_all(slices), total));
        s.parts.push_back(to);
        for (size_t p = 0; p < slices.size(); ++p)
            copies.push_back({slices[p], to.part(p * slices[p].size, slices[p].size)});
    }
    weft_TRY(uploader_->copy(copies));
    return s;
}

Status Session::restore(uint32_t slot, const Snapshot& s) {
    if (slot >= slots_.size()) return Error{ErrorCode::invalid_argument, "restore: no such slot", {}};
    if (s.owner != this)
        return Error{ErrorCode::invalid_argument, "restore: the snapshot belongs to another session", {}};
    if (s.keep == Keep::what_cannot_be_cut && (slot != s.slot || slots_[slot].length < s.length))
        return Error{ErrorCode::invalid_argument,
                     "restore: the snapshot is of the states that cannot be cut alone, and the slot does not hold the "
                     "rest of its " +
                         std::to_string(s.length) + " tokens",
                     {}};
    state_rows_.own(slot); // what others share is not written over
    std::vector<vk::Copy> copies;
    for (size_t i = 0; i < layouts_.size(); ++i) {
        if (!s.parts[i].size) continue;
        uint64_t at = 0;
        for (const vk::Slice& to : used_of(i, slot, s.length, s.memory)) {
            copies.push_back({s.parts[i].part(at, to.size), to});
            at += to.size;
        }
    }
    copies.push_back({s.parts.back(), history_of(slot)});
    weft_TRY(uploader_->copy(copies));
    slots_[slot].length = s.length;
    slots_[slot].next = s.next;
    slots_[slot].sampled = s.sampled;
    slots_[slot].expected = s.expected;
    slots_[slot].highest = s.highest;
    slots_[slot].memory = s.memory;
    slots_[slot].placement = s.placement;
    return Ok{};
}

void Session::reset(uint32_t slot) {
    const kernel::SamplerRow sampler = slots_[slot].sampler;
    slots_[slot] = {};
    slots_[slot].sampler = sampler;
}

bool Session::can_truncate() const {
    return std::all_of(layouts_.begin(), layouts_.end(), [](const StateLayout& spec) {
        return spec.law != State::Law::constant && spec.law != State::Law::ring;
    });
}

Status Session::truncate(uint32_t slot, uint32_t length) {
    if (slot >= slots_.size()) return Error{ErrorCode::invalid_argument, "truncate: no such slot", {}};
    Slot& s = slots_[slot];
    if (length > s.length)
        return Error{
            ErrorCode::invalid_argument, "truncate: the sequence has only " + std::to_string(s.length) + " tokens", {}};
    if (length == s.length) return Ok{};
    if (length == 0) {
        const uint32_t memory = has_encoder(model_->schedule) ? s.memory : 0;
        reset(slot);
        s.memory = memory;
        return Ok{};
    }
    for (const StateLayout& spec : layouts_) {
        if (spec.law == State::Law::constant)
            return Error{ErrorCode::unsupported,
                         "truncate: a recurrent state cannot forget its last tokens; restore a snapshot",
                         {}};
        // A ring of window - 1 + max_chunk rows has lost row p to the token at p + capacity.
        if (spec.law == State::Law::ring && s.highest > spec.capacity() && s.highest - length > options_.max_chunk)
            return Error{ErrorCode::unsupported,
                         "truncate: a sliding window has already dropped the tokens that the shorter sequence needs; "
                         "restore a snapshot",
                         {}};
    }
    if (!s.placement.cut(length))
        return Error{ErrorCode::unsupported,
                     "truncate: token " + std::to_string(length) + " is among the rows of a picture",
                     {}};
    s.length = length;
    s.expected = 0; // as if the rest had never been
    s.sampled = false;
    return Ok{};
}

} // namespace weft
