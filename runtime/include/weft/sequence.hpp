// SPDX-License-Identifier: Apache-2.0
// Public: what a model has taken in of one conversation or document.
#pragma once
#include <span>
#include <weft/model.hpp>

namespace weft {

struct SequenceOptions {
    uint32_t context = 0; ///< tokens it may have; 0: what the model was trained for, at most 4096
    CacheType cache = CacheType::beside_weights;
};

namespace detail {
class SequenceState;
struct SnapshotState;
} // namespace detail

/// The states of one sequence of tokens, in memory of its own on the model's device. Several over one model, also on
/// several threads, do not disturb each other. Move-only; one thread at a time; keeps its model.
class weft_API Sequence {
public:
    /// Fails with out_of_memory if the states do not fit, saying which context would.
    static Result<Sequence> create(const Model& model, const SequenceOptions& options = {});
    Sequence(Sequence&&) noexcept = default;
    Sequence& operator=(Sequence&&) noexcept = default;

    const Model& model() const;
    uint32_t length() const; ///< tokens it has taken in
    uint32_t context() const;

    /// Takes in tokens and makes none: a beginning that many continuations share, with fork() or snapshot().
    Status feed(std::span<const uint32_t> ids);
    /// Forgets all tokens.
    void reset();
    /// Another sequence that has taken in the same: it goes on to the same bits.
    Result<Sequence> fork() const;

    /// The states at one length, copied aside on the device. Immutable; copies share it; keeps the model.
    class weft_API Snapshot {
    public:
        uint32_t length() const;
        uint64_t bytes() const;

    private:
        friend struct detail::Access;
        explicit Snapshot(std::shared_ptr<const detail::SnapshotState> state) : state_(std::move(state)) {}
        std::shared_ptr<const detail::SnapshotState> state_;
    };
    Result<Snapshot> snapshot() const;
    /// Goes back, or on, to a snapshot of this sequence or of another of the same model and options.
    Status restore(const Snapshot& snapshot);
    /// Cuts the sequence to its first `length` tokens. Fails for states that cannot forget (recurrent ones), and for
    /// sliding windows that are to go back by more than 256 tokens from the longest that the sequence was: restore a
    /// snapshot instead.
    Status truncate(uint32_t length);
    /// Whether truncate() works for any length.
    bool can_truncate() const;

    uint64_t state_bytes() const, activation_bytes() const; ///< on the device

private:
    friend struct detail::Access;
    explicit Sequence(std::shared_ptr<detail::SequenceState> state) : state_(std::move(state)) {}
    std::shared_ptr<detail::SequenceState> state_;
};

} // namespace weft
