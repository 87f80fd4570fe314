// SPDX-License-Identifier: Apache-2.0
// L3: what ops keep between steps. A state is declared once, in the schedule's list; ops know it by its number, so that
// several may share one.
#pragma once
#include "base/dtype.hpp"
#include <cstdint>
#include <string>
#include <vector>

namespace weft::detail {

/// Index in the schedule's list of states.
using StateId = uint32_t;
inline constexpr StateId kNoState = ~0u;

/// How a state follows from the tokens of its sequence: all that allocating, copying, cutting and showing it depends
/// on.
struct State {
    enum class Law : uint32_t {
        constant, ///< one value that every token moves on: it cannot be cut
        rows,     ///< a row a token: cut by forgetting the last ones
        ring,     ///< the rows of the last `reach` tokens, and of those of the step
        memory,   ///< a row a token of another stage, which has written them before the sequence's first step
    };
    std::string name; ///< "keys", "convolution": for tables and messages
    Law law = Law::constant;
    DType dtype = DType::f32;
    bool cache = false; ///< held in the session's type of caches in place of `dtype`
    /// Of one sequence; of rows and rings that of one row, [heads, size].
    std::vector<uint32_t> shape;
    uint32_t reach = 0; ///< ring: tokens that a new one looks back to, itself included

    bool operator==(const State&) const = default;
};

/// Sizes that a session chooses.
struct StateOptions {
    uint32_t context = 0;   ///< tokens a sequence may have
    uint32_t max_chunk = 0; ///< most new tokens of one step
    DType kv_dtype = DType::f32;
    uint32_t memory = 0; ///< rows that another stage may leave a sequence

    bool operator==(const StateOptions&) const = default;
};

/// A state in memory. Growing ones are [heads, capacity, size]: the rows of a head lie side by side, so that reading
/// them is one stream.
struct StateLayout {
    std::string name;
    State::Law law = State::Law::constant;
    DType dtype = DType::f32;
    std::vector<uint32_t> shape; ///< of one sequence

    uint32_t capacity() const { return shape[1]; } ///< rows, of growing ones
    uint64_t bytes() const {
        uint64_t n = size_of(dtype);
        for (uint32_t d : shape) n *= d;
        return n;
    }
};
/// A ring that is to hold more tokens than there can be becomes rows.
StateLayout layout_of(const State& state, const StateOptions& o);

/// Where ops declare what they keep.
class States {
public:
    explicit States(std::vector<State> known) : all_(std::move(known)) {}
    /// Of those that are `known` only what ops declare, numbered anew.
    static States anew(std::vector<State> known);
    /// An op without a number for it gets a state of its own; one that has a number keeps what lies there, perhaps
    /// shared with others, which must be the same.
    void declare(StateId& id, State state);
    /// A state that an op before has declared; that there is none is a problem.
    void refer(StateId& id, const State& state);
    /// What the ops that declared use, each once.
    const std::vector<StateId>& used() const { return used_; }
    std::vector<State> take() { return std::move(all_); }
    /// What a name of a memory must be and is not, as Fields::rule says it; empty: all is there.
    const std::string& problem() const { return problem_; }

private:
    std::vector<State> all_;
    std::vector<State> old_;          // anew()
    std::vector<StateId> new_of_old_; // the same
    std::vector<StateId> used_;
    std::string problem_;
};

} // namespace weft::detail
