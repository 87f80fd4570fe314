// SPDX-License-Identifier: Apache-2.0
// L4: which row of the constant states each slot of a session reads, and which rows are held.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace weft::detail {

class StateRows;

/// A slot as it was: its row is not written as long as this lives, and is not lost.
struct HeldState {
    uint32_t slot = 0, length = 0, row = 0;
    bool lost = false; ///< the slot's growing states no longer begin with those `length` tokens: the row is given free
};
struct ReleaseState {
    std::shared_ptr<StateRows> rows;
    void operator()(HeldState* held) const;
};
/// Move-only; may outlive the session.
using StateHold = std::unique_ptr<HeldState, ReleaseState>;

/// Where a slot's step finds its constant states, and where it leaves the new ones. Where `read` is not `from` the step
/// must find there a copy of what lies in `from`.
struct StateMove {
    uint32_t slot = 0, from = 0, read = 0, write = 0;
};

/// Forks and holds copy no constant state: slots and holds read one row, and a slot that moves on writes another one.
/// There are as many rows as slots and holds, so that where two share a row one is free.
class StateRows : public std::enable_shared_from_this<StateRows> {
public:
    StateRows(uint32_t slots, uint32_t most_holds);

    uint32_t of(uint32_t slot) const { return row_[slot]; }
    /// `slot` reads that row.
    void read(uint32_t slot, uint32_t row);
    /// A row that the slot may write, its own from now on; none while the step under way still reads what is free.
    std::optional<uint32_t> own(uint32_t slot);
    /// Moves slots on in one step: no sequence of it writes what another one reads.
    void move(std::span<StateMove> step);
    /// The step that move() was for is done.
    void moved() { left_.clear(); }

    /// Null: there are as many as there may be.
    StateHold hold(uint32_t slot, uint32_t length);
    /// The slot's growing states are written from `length` on.
    void write_from(uint32_t slot, uint32_t length);
    /// The slot holds another sequence.
    void write_all(uint32_t slot);

private:
    friend struct ReleaseState;
    std::optional<uint32_t> spare() const;
    void drop(HeldState& held);
    void lose(uint32_t slot, const std::function<bool(const HeldState&)>& which);

    std::vector<uint32_t> row_;     // of each slot
    std::vector<uint32_t> readers_; // of each row
    std::vector<uint32_t> left_;    // rows that the step under way reads and does not write
    std::vector<HeldState*> holds_;
    uint32_t most_holds_;
};

} // namespace weft::detail
