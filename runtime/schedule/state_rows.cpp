// SPDX-License-Identifier: Apache-2.0
#include "schedule/state_rows.hpp"
#include "base/check.hpp"
#include <algorithm>
#include <numeric>

namespace weft::detail {
namespace {

bool has(const std::vector<uint32_t>& list, uint32_t row) { return std::ranges::find(list, row) != list.end(); }

} // namespace

StateRows::StateRows(uint32_t slots, uint32_t most_holds)
    : row_(slots), readers_(size_t(slots) + most_holds, 0), most_holds_(most_holds) {
    std::iota(row_.begin(), row_.end(), 0u);
    std::fill_n(readers_.begin(), slots, 1u);
}

void StateRows::read(uint32_t slot, uint32_t row) {
    ++readers_[row];
    --readers_[row_[slot]];
    row_[slot] = row;
}

std::optional<uint32_t> StateRows::spare() const {
    for (uint32_t row = 0; row < readers_.size(); ++row)
        if (readers_[row] == 0 && !has(left_, row)) return row;
    return std::nullopt;
}

std::optional<uint32_t> StateRows::own(uint32_t slot) {
    if (readers_[row_[slot]] == 1 && !has(left_, row_[slot])) return row_[slot];
    const auto row = spare();
    if (row) read(slot, *row);
    return row;
}

void StateRows::move(std::span<StateMove> step) {
    left_.clear();
    std::vector<uint32_t> left;
    for (StateMove& m : step) {
        m.from = m.read = of(m.slot);
        const auto row = own(m.slot);
        weft_CHECK(row, "where a row has several readers one is free");
        m.write = *row;
        if (m.write != m.from) left.push_back(m.from);
    }
    left_ = std::move(left);
    // Whoever stayed, the last reader of a row that others of the step have left, must not write there what they read.
    for (StateMove& m : step) {
        if (m.write != m.from || !has(left_, m.from)) continue;
        if (const auto row = spare()) {
            read(m.slot, *row);
            m.write = *row;
            continue;
        }
        for (StateMove& other : step)
            if (other.from == m.from) other.read = other.write;
        std::erase(left_, m.from);
    }
}

StateHold StateRows::hold(uint32_t slot, uint32_t length) {
    if (holds_.size() == most_holds_) return nullptr;
    StateHold held(new HeldState{slot, length, of(slot)}, {shared_from_this()});
    holds_.push_back(held.get());
    ++readers_[held->row];
    return held;
}

void StateRows::drop(HeldState& held) {
    --readers_[held.row];
    std::erase(holds_, &held);
}

void ReleaseState::operator()(HeldState* held) const {
    if (!held->lost) rows->drop(*held);
    delete held;
}

void StateRows::lose(uint32_t slot, const std::function<bool(const HeldState&)>& which) {
    for (HeldState* held : std::vector(holds_))
        if (held->slot == slot && which(*held)) {
            held->lost = true;
            drop(*held);
        }
}

void StateRows::write_from(uint32_t slot, uint32_t length) {
    lose(slot, [&](const HeldState& held) { return held.length > length; });
}

void StateRows::write_all(uint32_t slot) {
    lose(slot, [](const HeldState&) { return true; });
}

} // namespace weft::detail
