// SPDX-License-Identifier: Apache-2.0
// L4: a forward: its tokens are cut into steps, each of which writes the step block and replays a recording.
#include "schedule/session.hpp"
#include <algorithm>
#include <bit>

namespace weft::detail {

// Tokens count the rows of one stage of those that run.
Result<size_t> Session::input_of(const std::string& name, bool before) const {
    const Schedule& s = model_->schedule;
    std::vector<std::string> known;
    for (size_t i = 0; i < s.inputs.size(); ++i) {
        const Stage& stage = s.stages[s.inputs[i].stage];
        if (before != (stage.when != When::every_step)) continue;
        if (name.empty() ? s.inputs[i].name == stage.rows.input : s.inputs[i].name == name) return i;
        known.push_back("it reads " + s.inputs[i].name);
    }
    return Error{ErrorCode::invalid_argument, "the model has no input " + in_quotes(name), std::move(known)};
}

Status Session::check_feeds(std::span<const Feed> feeds, bool before) const {
    if (feeds.empty()) return Error{ErrorCode::invalid_argument, "a forward needs at least one sequence", {}};
    weft_ASSIGN(const size_t tokens, input_of("", before));
    const auto check_ids = [&](std::span<const uint32_t> ids, size_t input) -> Status {
        for (const uint32_t id : ids)
            if (id >= model_->schedule.inputs[input].limit)
                return Error{ErrorCode::invalid_argument,
                             (input == tokens ? "token id " : model_->schedule.inputs[input].name + ": ") +
                                 std::to_string(id) + " is outside the " +
                                 (input == tokens ? "vocabulary of " : "table of ") +
                                 std::to_string(model_->schedule.inputs[input].limit),
                             {}};
        return Ok{};
    };
    std::vector<bool> seen(options_.slots);
    for (const Feed& f : feeds) {
        if (f.slot >= options_.slots || seen[f.slot])
            return Error{ErrorCode::invalid_argument,
                         "slot " + std::to_string(f.slot) + " is not a slot of this session, or is fed twice",
                         {}};
        seen[f.slot] = true;
        if (!before && slots_[f.slot].memory == 0 && has_encoder(model_->schedule))
            return Error{ErrorCode::invalid_argument,
                         "slot " + std::to_string(f.slot) + " has no memory: encode() what it is to answer first",
                         {}};
        weft_ASSIGN(const uint32_t rows, rows_of(f, model_->schedule.inputs[tokens]));
        const uint64_t length = (before ? 0 : slots_[f.slot].length) + uint64_t(rows);
        if (before && model_->schedule.inputs[tokens].pictures())
            weft_TRY(check_room(f, model_->schedule.inputs[tokens].grid));
        else if (length > options_.context)
            return Error{ErrorCode::invalid_argument,
                         "the sequence would be " + std::to_string(length) + " tokens long, the context is " +
                             std::to_string(options_.context),
                         {}};
        weft_TRY(check_ids(f.ids, tokens));
        for (const auto& [name, values] : f.others) {
            weft_ASSIGN(const size_t input, input_of(name, before));
            if (values.size() != rows)
                return Error{ErrorCode::invalid_argument,
                             name + " has " + std::to_string(values.size()) + " numbers for " + std::to_string(rows) +
                                 " tokens",
                             {}};
            weft_TRY(check_ids(values, input));
        }
    }
    return Ok{};
}

Status Session::start(std::span<const Feed> feeds, Want want, uint32_t chunk, bool taps, bool step_form, bool before) {
    weft_TRY(check_feeds(feeds, before));
    const uint32_t share = std::max<uint32_t>(1, options_.max_chunk / uint32_t(feeds.size()));
    uint32_t largest = chunk ? std::min(chunk, share) : share;
    weft_ASSIGN(const size_t counted, input_of("", before));
    std::vector<uint32_t> rows, room;
    for (const Feed& f : feeds) {
        weft_ASSIGN(const uint32_t n, rows_of(f, model_->schedule.inputs[counted]));
        rows.push_back(n);
        const Input& input = model_->schedule.inputs[counted];
        const auto [height, width] = input.grid.sides(f.picture.height, f.picture.width);
        const uint64_t all =
            input.pictures() ? room_for(model_->schedule, {input.grid.down(height), input.grid.across(width)}) : n;
        room.push_back(uint32_t(std::min<uint64_t>(all, UINT32_MAX)));
    }
    const bool at_once = whole_ || before, anew = before && has_encoder(model_->schedule);
    const uint32_t most = before ? options_.before : options_.max_chunk;
    if (at_once) {
        uint64_t all = 0;
        largest = 1;
        for (size_t i = 0; i < rows.size(); ++i) {
            all += room[i];
            largest = std::max(largest, rows[i]);
        }
        if (all > most)
            return Error{ErrorCode::invalid_argument,
                         std::to_string(all) +
                             " tokens were fed; where tokens see those behind them all come in one "
                             "step, and those of this session hold at most " +
                             std::to_string(most),
                         {}};
        if (want == Want::last && whole_)
            return Error{ErrorCode::invalid_argument, "this model does not continue text: there is no next token", {}};
    }
    uint32_t steps = 0;
    std::vector<std::vector<uint32_t>> ends;
    for (size_t i = 0; i < feeds.size(); ++i) {
        weft_ASSIGN(auto pieces, pieces_of(feeds[i], rows[i], at_once ? rows[i] : largest, share));
        steps = std::max(steps, uint32_t(pieces.size()));
        ends.push_back(std::move(pieces));
    }
    if (want == Want::all && steps > 1)
        return Error{ErrorCode::invalid_argument,
                     "logits of all tokens: feed at most " + std::to_string(largest) + " tokens at a time",
                     {}};
    // Nothing stands against it: what was under way is given up.
    for (const Feed& f : feeds)
        if (before) slots_[f.slot].heard = 0; // until it is done
    current_ = nullptr;
    want_ = want;
    taps_ = taps;
    step_form_ = step_form;
    before_ = before;
    steps_ = steps;
    step_index_ = 0;
    work_.clear();
    for (size_t i = 0; i < feeds.size(); ++i) {
        const Feed& f = feeds[i];
        if (anew) {
            reset(f.slot);
            state_rows_->write_all(f.slot);
        }
        Work w{f.slot, std::max(f.expected_length, slots_[f.slot].length + rows[i]), {f.ids.begin(), f.ids.end()}, {}};
        for (const auto& [name, values] : f.others) {
            weft_ASSIGN(const size_t input, input_of(name, before));
            w.others.push_back({input, {values.begin(), values.end()}});
        }
        w.rows = rows[i];
        w.room = room[i];
        w.placement = slots_[f.slot].placement;
        w.first_step = steps_ - uint32_t(ends[i].size());
        w.ends = std::move(ends[i]);
        work_.push_back(std::move(w));
    }
    if (model_->schedule.inputs[counted].pictures()) weft_TRY(write_pictures(feeds, counted));
    return begin_step();
}

Status Session::begin_step() {
    current_ = nullptr; // stays so if the step cannot be begun
    std::vector<StepFeed> feeds;
    std::vector<uint32_t> wanted;
    pieces_.clear();
    uint32_t tokens = 0, room = 0;
    const bool last = step_index_ + 1 == steps_;
    for (size_t i = 0; i < work_.size(); ++i) {
        Work& w = work_[i];
        if (step_index_ < w.first_step) continue;
        const uint32_t count = w.ends[step_index_ - w.first_step] - w.done;
        const Slot& slot = slots_[w.slot];
        feeds.push_back({.row = {.slot = w.slot,
                                 .count = count,
                                 .past = before_ ? 0 : slot.length,
                                 .length = w.expected_length,
                                 .memory = before_ ? w.placement.rows_with(0) : slot.memory},
                         .ids = w.ids.empty() ? std::span<const uint32_t>() : std::span(w.ids).subspan(w.done, count),
                         .picture = w.picture});
        for (const auto& [input, values] : w.others)
            feeds.back().others.push_back({input, std::span(values).subspan(w.done, count)});
        if (!before_) place_pictures(feeds.back(), w.placement);
        pieces_.push_back({i, w.done, count});
        tokens += count;
        room += count == w.rows ? w.room : count;
        if (want_ == Want::last && last) wanted.push_back(tokens - 1);
    }
    if (want_ == Want::all)
        for (uint32_t i = 0; i < tokens; ++i) wanted.push_back(i);
    // A step of one token a sequence is a decode step; where all logits are wanted the caller says
    // whether the step forms are meant.
    const auto sequences = uint32_t(feeds.size());
    const bool placed = std::ranges::any_of(feeds, [](const StepFeed& feed) { return !feed.places.empty(); });
    const bool decode = tokens == sequences && (want_ != Want::all || step_form_) && !before_ && !whole_ && !placed;
    Bucket bucket = before_  ? options_.ahead(room, sequences)
                    : decode ? options_.decode(sequences)
                             : options_.prefill(room, sequences);
    bucket.taps = taps_;
    if (!before_) bucket.sampling = want_ != Want::all;
    if (want_ == Want::all) bucket.outputs = bucket.tokens;
    weft_ASSIGN(Recorded * recorded, replay_for(bucket));
    weft_TRY(move_states(feeds));
    weft_TRY(write_step(bucket, feeds, wanted));
    rows_ = block_->rows();
    for (const StepFeed& feed : feeds) {
        Slot& slot = slots_[feed.row.slot];
        if (!before_) slot.highest = std::max(slot.highest, feed.row.past + feed.row.count);
        // Recordings for decoding leave the history to the sampler that chose the token; this one came from the caller.
        if (bucket.decode) weft_TRY(remember(feed.row.slot, feed.row.past, feed.ids));
    }
    recorded->replay.start(1);
    current_ = last_ = recorded;
    return Ok{};
}

Status Session::move_states(std::span<StepFeed> feeds) {
    std::vector<StateMove> moves;
    for (const StepFeed& feed : feeds) {
        if (before_) break;
        moves.push_back({feed.row.slot});
        state_rows_->write_from(feed.row.slot, feed.row.past);
    }
    state_rows_->move(moves);
    // What runs before a step leaves a sequence where it is, and nobody reads the constant states that it ends with.
    if (before_)
        for (StepFeed& feed : feeds) feed.row.read = feed.row.write = state_rows_->of(feed.row.slot);
    std::vector<vk::Copy> copies;
    for (size_t i = 0; i < moves.size(); ++i) {
        feeds[i].row.read = moves[i].read;
        feeds[i].row.write = moves[i].write;
        slots_[feeds[i].row.slot].restored = false;
        if (moves[i].from == moves[i].read) continue;
        for (size_t state = 0; state < layouts_.size(); ++state)
            if (layouts_[state].law == State::Law::constant)
                copies.push_back({row_of(state, moves[i].from), row_of(state, moves[i].read)});
    }
    return uploader_->copy(copies);
}

Status Session::write_step(const Bucket& bucket, std::span<const StepFeed> feeds, std::span<const uint32_t> wanted) {
    for (uint32_t i = 0; i < slots_.size(); ++i) block_->set_sampler(i, slots_[i].sampler);
    block_->set_ends(options_.end_tokens);
    block_->fill(bucket, feeds, wanted);
    return uploader_->put(step_block_, block_->image());
}

void Session::finish_step() {
    for (const Piece& piece : pieces_) {
        Work& w = work_[piece.feed];
        Slot& slot = slots_[w.slot];
        w.done += piece.count;
        if (before_) {
            leave_memory(w, slot);
            slot.heard = ++encodes_;
        }
        slot.placement = w.placement;
        if (before_ || whole_) continue;
        slot.length += piece.count;
        slot.expected = std::max(slot.expected, w.expected_length);
        slot.sampled = false;
    }
    ++step_index_;
}

Status Session::run() {
    for (;;) {
        weft_ASSIGN(const bool done, advance(options_.longest_submission_ms));
        if (done) return Ok{};
    }
}

Status Session::forward(std::span<const Feed> feeds, Want want, uint32_t chunk, bool taps, bool step_form) {
    weft_TRY(start(feeds, want, chunk, taps, step_form, false));
    return run();
}

Status Session::encode(std::span<const Feed> feeds, bool taps) {
    if (!runs_before(model_->schedule))
        return Error{ErrorCode::invalid_argument, "this model has no stages that run before steps", {}};
    weft_TRY(start(feeds, Want::nothing, 0, taps, false, true));
    return run();
}

Status Session::begin(std::span<const Feed> feeds, Want want) { return start(feeds, want, 0, false, false, false); }

Result<bool> Session::advance(double budget_ms) {
    if (!current_) return Error{ErrorCode::invalid_argument, "advance() without begin()", {}};
    const auto step_done = current_->replay.advance(budget_ms, *uploader_);
    if (!step_done) {
        current_ = nullptr;
        return step_done.error();
    }
    if (!*step_done) return false;
    finish_step();
    if (step_index_ < steps_) {
        weft_TRY(begin_step());
        return false;
    }
    current_ = nullptr;
    if (want_ == Want::last) {
        std::vector<uint32_t> sampled(work_.size());
        weft_TRY(uploader_->read(buffers_.ring, std::as_writable_bytes(std::span(sampled))));
        for (size_t i = 0; i < work_.size(); ++i) {
            Slot& slot = slots_[work_[i].slot];
            slot.next = sampled[i];
            slot.sampled = slot.next != kernel::kNoToken;
        }
    }
    return true;
}

Result<std::vector<float>> Session::read_rows(const vk::Slice& from, uint32_t rows, uint64_t columns) {
    std::vector<float> values(size_t(rows) * columns);
    weft_TRY(uploader_->read(from, std::as_writable_bytes(std::span(values))));
    return values;
}

Result<std::vector<float>> Session::output(std::string_view name) {
    const Schedule& s = model_->schedule;
    const size_t i = output_of(s, name);
    if (i == s.outputs.size())
        return Error{ErrorCode::invalid_argument, "the model has no output " + in_quotes(name), {}};
    const Stage& stage = s.stages[s.outputs[i].stage];
    if (!last_ || before_ != (stage.when != When::every_step))
        return Error{ErrorCode::invalid_argument, std::string(name) + " is not what was computed last", {}};
    return read_rows(last_->outputs[i], rows_[s.outputs[i].stage], width_of(s.outputs[i]));
}

Result<std::vector<float>> Session::tap(std::string_view stage, uint32_t index) {
    const Schedule& s = model_->schedule;
    const auto taps = taps_of(s, before_);
    for (size_t i = 0; last_ && i < last_->taps.size(); ++i)
        if (s.stages[taps[i].stage].name == stage && taps[i].index == index)
            return read_rows(last_->taps[i], rows_[taps[i].stage], s.stages[taps[i].stage].width);
    return Error{
        ErrorCode::invalid_argument, "there is no tap " + std::to_string(index) + " of stage " + in_quotes(stage), {}};
}

} // namespace weft::detail
