// SPDX-License-Identifier: Apache-2.0
// L4: what a slot remembers, copied and cut: fork, snapshot, restore, truncate.
#include "schedule/session.hpp"
#include <algorithm>

namespace weft::detail {

// What of a state belongs to a sequence of `length` tokens: of a growing one the rows written so far,
// head by head, of the others all.
std::vector<vk::Slice> Session::used_of(size_t state, uint32_t slot, uint32_t length, uint32_t memory) const {
    const StateLayout& spec = layouts_[state];
    if (spec.law == State::Law::constant) return {row_of(state, state_rows_->of(slot))};
    if (spec.law == State::Law::memory) length = memory;
    const vk::Slice all = row_of(state, slot);
    if (length >= spec.capacity()) return {all};
    const uint64_t head = spec.bytes() / spec.shape[0], used = head / spec.capacity() * length;
    std::vector<vk::Slice> parts;
    for (uint64_t at = 0; used && at < all.size; at += head) parts.push_back(all.part(at, used));
    return parts;
}

Status Session::fork(uint32_t from, uint32_t to) {
    if (from >= slots_.size() || to >= slots_.size())
        return Error{ErrorCode::invalid_argument, "fork: no such slot", {}};
    if (from == to) return Ok{};
    state_rows_->write_all(to);
    std::vector<vk::Copy> copies;
    for (size_t i = 0; i < layouts_.size(); ++i) {
        if (layouts_[i].law == State::Law::constant) continue;
        const Slot& s = slots_[from];
        if (layouts_[i].law == State::Law::memory && s.heard && s.heard == slots_[to].heard) continue;
        const auto theirs = used_of(i, from, s.length, s.memory), ours = used_of(i, to, s.length, s.memory);
        for (size_t p = 0; p < ours.size(); ++p) copies.push_back({theirs[p], ours[p]});
    }
    copies.push_back({history_of(from), history_of(to)});
    weft_TRY(uploader_->copy(copies));
    const kernel::SamplerRow sampler = slots_[to].sampler;
    state_rows_->read(to, state_rows_->of(from));
    slots_[to] = slots_[from];
    slots_[to].sampler = sampler;
    return Ok{};
}

Result<Snapshot> Session::snapshot(uint32_t slot) {
    if (slot >= slots_.size()) return Error{ErrorCode::invalid_argument, "snapshot: no such slot", {}};
    return snapshot(slot, nullptr);
}

Result<Snapshot> Session::hold(uint32_t slot) {
    if (slot >= slots_.size()) return Error{ErrorCode::invalid_argument, "hold: no such slot", {}};
    StateHold held = state_rows_->hold(slot, slots_[slot].length);
    if (!held)
        return Error{ErrorCode::invalid_argument,
                     "hold: this session was made for " + std::to_string(options_.held) +
                         " held states (SessionOptions::held), and as many are held",
                     {}};
    return snapshot(slot, std::move(held));
}

// Copies what is not held: with a hold all but the windows is.
Result<Snapshot> Session::snapshot(uint32_t slot, StateHold held) {
    const Slot& was = slots_[slot];
    Snapshot s;
    s.model = model_;
    s.options = options_.states();
    s.owner = state_rows_;
    s.length = was.length;
    s.next = was.next;
    s.sampled = was.sampled;
    s.expected = was.expected;
    s.highest = was.highest;
    s.memory = was.memory;
    s.placement = was.placement;
    std::vector<std::vector<vk::Slice>> kept(layouts_.size() + 1);
    for (size_t i = 0; i < layouts_.size(); ++i) {
        const State::Law law = layouts_[i].law;
        if (!held || law == State::Law::ring || (law == State::Law::memory && s.placement.left()))
            kept[i] = used_of(i, slot, s.length, s.memory);
        else if (law == State::Law::constant) s.bytes += layouts_[i].bytes();
    }
    if (!held) kept.back() = {history_of(slot)};
    s.held = std::move(held);
    const auto bytes_of_all = [](const std::vector<vk::Slice>& slices) {
        return slices.empty() ? 0 : slices.size() * slices[0].size;
    };
    uint64_t total = 0;
    for (const auto& slices : kept)
        if (!slices.empty()) total += bytes_of_all(slices) + vk::Tensor::kAlignment;
    s.parts.resize(kept.size());
    if (total == 0) return s;
    s.arena.emplace(model_->device, vk::MemoryUse::device, "snapshot");
    std::vector<vk::Copy> copies;
    for (size_t i = 0; i < kept.size(); ++i) {
        if (kept[i].empty()) continue;
        weft_ASSIGN(s.parts[i], s.arena->allocate(bytes_of_all(kept[i]), total));
        for (size_t p = 0; p < kept[i].size(); ++p)
            copies.push_back({kept[i][p], s.parts[i].part(p * kept[i][p].size, kept[i][p].size)});
    }
    s.bytes += s.arena->bytes();
    weft_TRY(uploader_->copy(copies));
    return s;
}

Status Session::restore(uint32_t slot, const Snapshot& s) {
    if (slot >= slots_.size()) return Error{ErrorCode::invalid_argument, "restore: no such slot", {}};
    if (s.model == model_ && s.options.kv_dtype != options_.kv_dtype)
        return Error{ErrorCode::invalid_argument,
                     std::string("restore: the snapshot holds keys and values in ") + name_of(s.options.kv_dtype) +
                         ", and here they are held in " + name_of(options_.kv_dtype),
                     {}};
    if (s.model != model_ || s.options != options_.states())
        return Error{ErrorCode::invalid_argument, "restore: the snapshot is of another model, or of other options", {}};
    if (s.held && s.owner != state_rows_)
        return Error{ErrorCode::invalid_argument, "restore: the snapshot belongs to another session", {}};
    if (s.held && (slot != s.held->slot || s.held->lost))
        return Error{ErrorCode::invalid_argument,
                     "restore: what was held are the states that cannot be cut alone, and slot " +
                         std::to_string(slot) + " does not hold the rest of those " + std::to_string(s.length) +
                         " tokens",
                     {}};
    if (!current_) state_rows_->moved();
    if (s.held) state_rows_->read(slot, s.held->row);
    else if (!state_rows_->own(slot))
        return Error{ErrorCode::invalid_argument,
                     "restore: a forward that was begun still reads the states; advance() it first",
                     {}};
    else state_rows_->write_all(slot);
    std::vector<vk::Copy> copies;
    const auto add = [&](const vk::Slice& part, const std::vector<vk::Slice>& to) {
        for (size_t p = 0; part.size && p < to.size(); ++p)
            copies.push_back({part.part(p * to[p].size, to[p].size), to[p]});
    };
    for (size_t i = 0; i < layouts_.size(); ++i) add(s.parts[i], used_of(i, slot, s.length, s.memory));
    add(s.parts.back(), {history_of(slot)});
    weft_TRY(uploader_->copy(copies));
    slots_[slot].length = s.length;
    slots_[slot].next = s.next;
    slots_[slot].sampled = slots_[slot].restored = s.sampled;
    slots_[slot].expected = s.expected;
    slots_[slot].highest = s.highest;
    slots_[slot].memory = s.memory;
    slots_[slot].heard = 0;
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
        const bool kept = has_encoder(model_->schedule);
        const uint32_t memory = kept ? s.memory : 0;
        const uint64_t heard = kept ? s.heard : 0;
        reset(slot);
        s.memory = memory;
        s.heard = heard;
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

} // namespace weft::detail
