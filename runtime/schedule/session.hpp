// SPDX-License-Identifier: Apache-2.0
// L4: Session: the states of some sequences of one model, and the recordings that advance them.
#pragma once
#include "kernels/sample.hpp"
#include "schedule/model.hpp"
#include "schedule/placement.hpp"
#include "schedule/replay.hpp"
#include "schedule/session_options.hpp"
#include "schedule/state_rows.hpp"
#include "schedule/step_block.hpp"
#include <map>
#include <memory>

namespace weft::detail {

/// New tokens for one sequence.
struct Feed {
    uint32_t slot = 0;
    std::span<const uint32_t> ids;
    /// Length for which rotary types that depend on the length are computed (longrope, dynamic NTK);
    /// at least what the sequence will have after this feed.
    uint32_t expected_length = 0;
    /// Other inputs by their names, one number a token: token types. Zeros where they are not given.
    std::vector<std::pair<std::string, std::span<const uint32_t>>> others = {};
    /// In place of ids where rows are patches: [channels, height, width].
    struct Picture {
        std::span<const float> values;
        uint32_t height = 0, width = 0;
    } picture = {};
};

enum class Want { nothing, last, all }; ///< logits of no token, of the last of each feed, of all

/// A sequence as it was; destroyed, it gives free what it held. Without a hold it serves every session of its model
/// with the same StateOptions, with one the session that made it. Move-only; the device must outlive it.
struct Snapshot {
    std::shared_ptr<const LoadedModel> model;
    StateOptions options;
    std::shared_ptr<const StateRows> owner; ///< of the session
    StateHold held;                         ///< the row of the constant states: Session::hold()
    std::optional<vk::Arena> arena;
    std::vector<vk::Slice> parts; ///< copies in the arena: one a state, then the history; empty: not copied
    uint32_t length = 0, next = 0, expected = 0, highest = 0, memory = 0;
    Placement placement;
    bool sampled = false;
    uint64_t bytes = 0; ///< of copies, and of what is held
};

/// One thread at a time. The model must outlive it.
class Session {
public:
    /// Fails with out_of_memory if the states do not fit, saying which context would.
    static Result<std::unique_ptr<Session>> create(std::shared_ptr<const LoadedModel> model,
                                                   const SessionOptions& options);

    const SessionOptions& options() const { return options_; }
    const LoadedModel& model() const { return *model_; }
    uint32_t length(uint32_t slot) const { return slots_[slot].length; }

    /// Runs new tokens through the model, in steps of at most `chunk` new tokens a sequence (0: max_chunk).
    /// With Want::last or all, logits() holds them afterwards (all: of the last step only, so feed at most one chunk);
    /// with Want::last the sampler has also chosen each sequence's next token (next_token()).
    /// `step_form`: with one token a feed and Want::all, use the step forms of the kernels, as decode does.
    /// Where tokens see those behind them all of a sequence must come at once, and it is forgotten afterwards.
    Status forward(std::span<const Feed> feeds, Want want, uint32_t chunk = 0, bool taps = false,
                   bool step_form = false);
    /// Runs the stages that come before a sequence's steps, over whole inputs. Of an encoder, which runs once, what
    /// they leave is the slot's memory, and its sequence begins anew. Of pictures it is added to the memory: the next
    /// tokens of the slot that are the placeholder stand for its rows, one after another, the pictures in the order in
    /// which they came; a placeholder for which no row is left is a token like others. Fails where pictures that no
    /// tokens stand for yet have more rows than SessionOptions::memory.
    Status encode(std::span<const Feed> feeds, bool taps = false);
    /// An output of the last forward: logits one row a feed with Want::last, one a token with Want::all. f32 [rows,
    /// width].
    Result<std::vector<float>> output(std::string_view name);
    Result<std::vector<float>> logits() { return output(kLogits); }
    /// -log p of ids[i] by row i of the logits of the last forward, in nats: f32 [rows], computed on the device. NaN
    /// where a logit of the row is NaN or +inf, or none is finite; of a row whose id is kNoToken it is any number.
    Result<std::vector<float>> score(std::span<const uint32_t> ids);
    /// What rows of two outputs have in common (Schedule::similarities), computed on the device: f32 [rows, columns].
    /// `rows` and `columns`: what output() gave of them, in one step or in several.
    Result<std::vector<float>> similarity(std::string_view name, std::span<const float> rows,
                                          std::span<const float> columns);
    /// forward(..., taps), encode(..., taps): a stage's residual stream as it enters the first layer (0), behind layer
    /// i, and behind the last norm; one further, behind the last layer but before that; f32 [tokens, width].
    Result<std::vector<float>> tap(std::string_view stage, uint32_t index);

    /// The token that the device sampled last for this slot; kernel::kNoToken if the logits were not finite.
    uint32_t next_token(uint32_t slot) const { return slots_[slot].next; }
    /// Feeds each slot's next token and samples again, `steps` times in as few submissions as the time limit allows,
    /// without host work between. tokens[i] are the tokens sampled for slots[i]; fewer where one is an end token: it is
    /// the last, and the states are those before it, however many steps were asked for. So it is, too, with
    /// kernel::kNoToken, which is no id: the logits of that step were not finite. All must have had a forward with
    /// Want::last, and a token by now.
    Status decode(std::span<const uint32_t> slots, uint32_t steps, std::vector<std::vector<uint32_t>>& tokens);
    void set_sampler(uint32_t slot, const kernel::SamplerRow& row) { slots_[slot].sampler = row; }
    /// Other end tokens than the options had, at most kMostEnds.
    Status set_end_tokens(std::vector<uint32_t> ends);

    /// Forgets a sequence.
    void reset(uint32_t slot);
    /// Makes `to` a copy of `from`: rows of growing states are copied, those of an encoder unless `to` has the same
    /// already, constant ones shared until one of the two moves on. Where both move on in one step and no row is spare
    /// (SessionOptions::held), a copy is made then.
    Status fork(uint32_t from, uint32_t to);
    /// A copy of a slot, for any slot of any session of this model with the same StateOptions.
    Result<Snapshot> snapshot(uint32_t slot);
    /// The way back of a slot, without a copy of what it can go back in anyhow: the constant states are held in their
    /// row, and the slot's next step writes another one; rows of growing states stay where they are; windows alone are
    /// copied. Restored in its own slot, as often as one likes, until the slot goes on with other tokens from before
    /// that place, or holds another sequence. Fails where SessionOptions::held are there.
    Result<Snapshot> hold(uint32_t slot);
    Status restore(uint32_t slot, const Snapshot& snapshot);
    /// Cuts the sequence to its first `length` tokens. Fails for states that cannot forget (conv, selective, matrix),
    /// and for sliding windows that are to go back by more than max_chunk tokens from the longest that the
    /// sequence was: restore a snapshot instead.
    Status truncate(uint32_t slot, uint32_t length);
    /// Whether truncate() works for any length.
    bool can_truncate() const;

    /// Begins a forward that advance() carries out piecewise; as forward() otherwise. If it is given up half-way,
    /// or fails, its sequences are undefined: reset or restore them.
    Status begin(std::span<const Feed> feeds, Want want);
    /// Runs segments while their measured cost fits the budget (at least one). True when the begun work is done.
    Result<bool> advance(double budget_ms);

    /// Recordings made so far; replaying any length within their buckets makes no new one.
    size_t recording_count() const { return replays_.size(); }
    uint64_t state_bytes() const { return states_arena_.bytes(); }
    uint64_t activation_bytes() const { return activation_arena_.bytes() + region_arena_.bytes(); }
    /// Milliseconds waited for the device since creation.
    double device_wait_ms() const;
    uint64_t submissions() const;
    /// The replay that ran last, for its timings; null before the first.
    const Replay* last_replay() const { return last_ ? &last_->replay : nullptr; }
    /// Builds recordings ahead of time, for one sequence: decode, and prefill of `tokens`.
    Status prepare(uint32_t tokens, const std::function<bool(size_t, size_t)>& progress);

private:
    struct Slot {
        uint32_t length = 0, next = 0;
        uint32_t expected = 0; // length that rotary types which depend on it compute for
        uint32_t highest = 0;  // the longest that the sequence was since it began: what rings have overwritten
        uint32_t memory = 0;   // rows that encode() has left
        uint64_t heard = 0;    // the number of the encode() that has left them: slots with one number hold the same
        Placement placement;   // of those of pictures
        bool sampled = false;
        bool restored = false; // since the last step: the history may hold another token than `next`
        kernel::SamplerRow sampler;
    };
    struct Work;
    struct Piece {
        size_t feed;
        uint32_t first, count;
    }; // part of a feed in one step
    struct Scoring {
        Replay replay;
        vk::Slice ids, nats; // where it reads and writes
    };
    struct Recorded {
        Replay replay;
        std::vector<vk::Slice> outputs; // where it writes them
        std::vector<vk::Slice> taps;
        std::optional<Scoring> scoring = {}; // made when it is first asked for
    };

    explicit Session(std::shared_ptr<const LoadedModel> model)
        : model_(std::move(model)), states_arena_(model_->device, vk::MemoryUse::device, "states"),
          activation_arena_(model_->device, vk::MemoryUse::device, "activations"),
          region_arena_(model_->device, vk::MemoryUse::device, "activations"),
          host_arena_(model_->device, vk::MemoryUse::readback, "results") {}
    Status allocate();
    Result<Scoring*> scoring_of(Recorded& recorded);
    Result<Recorded*> replay_for(const Bucket& bucket, const std::function<bool(size_t, size_t)>& progress = {});
    Status start(std::span<const Feed> feeds, Want want, uint32_t chunk, bool taps, bool step_form, bool before);
    Status run();
    Status begin_step();
    Status move_states(std::span<StepFeed> feeds);
    void finish_step();
    Status write_step(const Bucket& bucket, std::span<const StepFeed> feeds, std::span<const uint32_t> wanted);
    Result<std::vector<vk::Slice>> outputs_for(const Bucket& bucket);
    Status check_feeds(std::span<const Feed> feeds, bool before) const;
    Result<uint32_t> rows_of(const Feed& feed, const Input& input) const;
    Status write_pictures(std::span<const Feed> feeds, size_t input);
    Status check_room(const Feed& feed, const PatchGrid& grid) const;
    Result<std::vector<uint32_t>> pieces_of(const Feed& feed, uint32_t rows, uint32_t most, uint32_t share) const;
    void place_pictures(StepFeed& feed, Placement& placement) const;
    void turn(StepFeed& feed, const Placement& placement) const;
    void leave_memory(Work& w, Slot& slot) const;
    uint32_t rows_left(const Work& w, StageId stage) const;
    PictureRows kept_rows(uint32_t height, uint32_t width, const PatchGrid& grid) const;
    Result<size_t> input_of(const std::string& name, bool before) const; // "": the one that counts rows
    Result<std::vector<float>> read_rows(const vk::Slice& from, uint32_t rows, uint64_t columns);
    bool ends_here(const Slot& slot) const;
    uint64_t largest_activations() const; // of the recordings that only sample
    uint64_t beside_states() const;       // memory that steps of the largest chunk need beside the states
    Status make_room(uint64_t activations);
    Error too_long(uint64_t available) const;
    uint64_t width_of(const Output& output) const;
    std::vector<vk::Slice> used_of(size_t state, uint32_t slot, uint32_t length, uint32_t memory) const;
    Result<Snapshot> snapshot(uint32_t slot, StateHold held);
    vk::Slice row_of(size_t state, uint32_t row) const {
        return buffers_.states[state].part(row * layouts_[state].bytes(), layouts_[state].bytes());
    }
    Status remember(uint32_t slot, uint32_t position, std::span<const uint32_t> ids) {
        return uploader_->put(history_of(slot).part(uint64_t(position) * 4, ids.size_bytes()), std::as_bytes(ids));
    }
    vk::Slice history_of(uint32_t slot) const {
        return buffers_.history.part(uint64_t(slot) * options_.context * 4, uint64_t(options_.context) * 4);
    }

    std::shared_ptr<const LoadedModel> model_;
    SessionOptions options_;
    std::vector<StateLayout> layouts_;
    vk::Arena states_arena_, activation_arena_, region_arena_, host_arena_;
    vk::Slice activation_; // the region that the temporaries of all recordings share
    std::optional<vk::Uploader> uploader_;
    SessionBuffers buffers_;
    std::vector<Slot> slots_;
    std::shared_ptr<StateRows> state_rows_;
    std::map<Bucket, Recorded> replays_;

    // The forward under way. All feeds end in its last step: a shorter one joins later.
    struct Work {
        uint32_t slot = 0, expected_length = 0;
        std::vector<uint32_t> ids;
        std::vector<std::pair<size_t, std::vector<uint32_t>>> others;
        uint32_t rows = 0;          // ids or patches
        uint32_t room = 0;          // that the stages of its picture need
        std::vector<uint32_t> ends; // of the pieces that the steps take
        StepFeed::Picture picture = {};
        Placement placement = {}; // with what the steps so far have placed
        uint32_t done = 0, first_step = 0;
    };
    std::vector<Work> work_;
    std::vector<Piece> pieces_;
    Want want_ = Want::nothing;
    uint32_t steps_ = 0, step_index_ = 0;
    bool taps_ = false, step_form_ = false, before_ = false;
    bool whole_ = false; // sequences come whole, and are forgotten
    uint64_t encodes_ = 0;
    Recorded *current_ = nullptr, *last_ = nullptr;
    std::vector<uint32_t> rows_; // of each stage those that the last step really had
    std::optional<StepBlock> block_;
    vk::Slice step_block_;
    std::vector<vk::Slice> outputs_few_, outputs_all_; // by number in Schedule::outputs
};

} // namespace weft::detail
