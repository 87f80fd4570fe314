// SPDX-License-Identifier: Apache-2.0
// L4: a forward: its tokens are cut into steps, each of which writes the step block and replays a recording.
#include "schedule/session.hpp"
#include <algorithm>
#include <bit>

namespace weft {
namespace {

constexpr uint32_t kMostPixels = 1u << 16; // of a picture's side: counts of patches stay within 32 bits

} // namespace
// Tokens count the rows of one stage of those that run.
Result<size_t> Session::input_of(const std::string& name, bool once) const {
    const Schedule& s = model_->schedule;
    std::vector<std::string> known;
    for (size_t i = 0; i < s.inputs.size(); ++i) {
        const Stage& stage = s.stages[s.inputs[i].stage];
        if (once != (stage.when == When::once)) continue;
        if (name.empty() ? s.inputs[i].name == stage.rows.input : s.inputs[i].name == name) return i;
        known.push_back("it reads " + s.inputs[i].name);
    }
    return Error{ErrorCode::invalid_argument, "the model has no input " + in_quotes(name), std::move(known)};
}

// How many rows a sequence brings.
Result<uint32_t> Session::rows_of(const Feed& feed, const Input& input) const {
    const std::string slot = "slot " + std::to_string(feed.slot);
    if (!input.pictures()) {
        if (feed.ids.empty()) return Error{ErrorCode::invalid_argument, slot + ": no tokens to feed", {}};
        return uint32_t(feed.ids.size());
    }
    const auto& [values, height, width] = feed.picture;
    const PatchGrid& grid = input.grid;
    if (!height || !width || values.size() != uint64_t(grid.channels) * height * width)
        return Error{ErrorCode::invalid_argument,
                     slot + ": " + input.name + " has " + std::to_string(values.size()) + " numbers, a picture of " +
                         std::to_string(grid.channels) + " channels, " + std::to_string(height) + " x " +
                         std::to_string(width) + ", other ones",
                     {}};
    if (height > kMostPixels || width > kMostPixels || !grid.takes(height, width))
        return Error{ErrorCode::invalid_argument,
                     slot + ": a picture of " + std::to_string(height) + " x " + std::to_string(width) +
                         " has no patch of " + std::to_string(grid.patch_y) + " x " + std::to_string(grid.patch_x) +
                         ", or more than " + std::to_string(kMostPixels) + " pixels a side",
                     {}};
    const PictureRows patches{grid.down(height), grid.across(width)};
    for (StageId id = 0; id < model_->schedule.stages.size(); ++id) {
        const Stage& stage = model_->schedule.stages[id];
        if (!stage.rows.placed()) continue;
        const bool merged = stage.rows.of == RowSpace::Of::merged;
        const auto fits = [&](const PictureRows& p, uint32_t down, uint32_t across) -> Status {
            if (p.down && p.across && p.down % down == 0 && p.across % across == 0) return Ok{};
            return Error{ErrorCode::invalid_argument,
                         slot + ": a picture of " + std::to_string(height) + " x " + std::to_string(width) + " has " +
                             std::to_string(p.down) + " x " + std::to_string(p.across) + " rows where stage " +
                             in_quotes(stage.name) + " needs multiples of " + std::to_string(down) + " x " +
                             std::to_string(across),
                         {}};
        };
        if (merged)
            weft_TRY(
                fits(picture_rows(model_->schedule, stage.rows.from, patches), stage.rows.down, stage.rows.across));
        for (const View& view : stage.views)
            if (view.order == View::Order::windows)
                weft_TRY(fits(picture_rows(model_->schedule, id, patches), view.window, view.window));
    }
    const uint64_t rows = uint64_t(patches.down) * patches.across + grid.extra;
    return uint32_t(std::min<uint64_t>(rows, UINT32_MAX));
}

// The numbers of all pictures, each without what no patch sees to the right and below.
Status Session::write_pictures(std::span<const Feed> feeds, size_t input) {
    const PatchGrid& grid = model_->schedule.inputs[input].grid;
    std::vector<float> all;
    for (size_t i = 0; i < feeds.size(); ++i) {
        const auto& [values, height, width] = feeds[i].picture;
        const uint32_t down = std::min(height, (grid.down(height) - 1) * grid.stride_y + grid.patch_y),
                       across = std::min(width, (grid.across(width) - 1) * grid.stride_x + grid.patch_x);
        work_[i].picture = {uint32_t(all.size()), down, across};
        for (uint32_t c = 0; c < grid.channels; ++c)
            for (uint32_t y = 0; y < down; ++y) {
                const auto row = values.subspan((uint64_t(c) * height + y) * width, across);
                all.insert(all.end(), row.begin(), row.end());
            }
    }
    return write(buffers_.inputs[input], std::as_bytes(std::span(all)));
}

Status Session::check_feeds(std::span<const Feed> feeds, bool once) const {
    if (feeds.empty()) return Error{ErrorCode::invalid_argument, "a forward needs at least one sequence", {}};
    weft_ASSIGN(const size_t tokens, input_of("", once));
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
        if (!once && slots_[f.slot].memory == 0 && has_encoder(model_->schedule))
            return Error{ErrorCode::invalid_argument,
                         "slot " + std::to_string(f.slot) + " has no memory: encode() what it is to answer first",
                         {}};
        weft_ASSIGN(const uint32_t rows, rows_of(f, model_->schedule.inputs[tokens]));
        const uint64_t length = (once ? 0 : slots_[f.slot].length) + uint64_t(rows);
        if (length > options_.context)
            return Error{ErrorCode::invalid_argument,
                         "the sequence would be " + std::to_string(length) + " tokens long, the context is " +
                             std::to_string(options_.context),
                         {}};
        weft_TRY(check_ids(f.ids, tokens));
        for (const auto& [name, values] : f.others) {
            weft_ASSIGN(const size_t input, input_of(name, once));
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

Status Session::start(std::span<const Feed> feeds, Want want, uint32_t chunk, bool taps, bool step_form, bool once) {
    weft_TRY(check_feeds(feeds, once));
    const uint32_t share = std::max<uint32_t>(1, options_.max_chunk / uint32_t(feeds.size()));
    uint32_t largest = chunk ? std::min(chunk, share) : share;
    weft_ASSIGN(const size_t counted, input_of("", once));
    std::vector<uint32_t> rows;
    for (const Feed& f : feeds) {
        weft_ASSIGN(const uint32_t n, rows_of(f, model_->schedule.inputs[counted]));
        rows.push_back(n);
    }
    const bool at_once = whole_ || once;
    if (at_once) {
        uint64_t all = 0;
        largest = 1;
        for (const uint32_t n : rows) {
            all += n;
            largest = std::max(largest, n);
        }
        if (all > options_.max_chunk)
            return Error{ErrorCode::invalid_argument,
                         std::to_string(all) +
                             " tokens were fed; where tokens see those behind them all come in one "
                             "step, and those of this session hold at most " +
                             std::to_string(options_.max_chunk),
                         {}};
        if (want == Want::last && whole_)
            return Error{ErrorCode::invalid_argument, "this model does not continue text: there is no next token", {}};
    }
    uint32_t steps = 0;
    for (const uint32_t n : rows) steps = std::max(steps, (n + largest - 1) / largest);
    if (want == Want::all && steps > 1)
        return Error{ErrorCode::invalid_argument,
                     "logits of all tokens: feed at most " + std::to_string(largest) + " tokens at a time",
                     {}};
    // Nothing stands against it: what was under way is given up.
    current_ = nullptr;
    want_ = want;
    taps_ = taps;
    step_form_ = step_form;
    once_ = once;
    chunk_ = largest;
    steps_ = steps;
    step_index_ = 0;
    work_.clear();
    for (size_t i = 0; i < feeds.size(); ++i) {
        const Feed& f = feeds[i];
        if (once) reset(f.slot);
        Work w{f.slot, std::max(f.expected_length, slots_[f.slot].length + rows[i]), {f.ids.begin(), f.ids.end()}, {}};
        for (const auto& [name, values] : f.others) {
            weft_ASSIGN(const size_t input, input_of(name, once));
            w.others.push_back({input, {values.begin(), values.end()}});
        }
        w.rows = rows[i];
        w.first_step = steps_ - (rows[i] + chunk_ - 1) / chunk_;
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
    uint32_t tokens = 0;
    const bool last = step_index_ + 1 == steps_;
    for (size_t i = 0; i < work_.size(); ++i) {
        const Work& w = work_[i];
        if (step_index_ < w.first_step) continue;
        const uint32_t count = std::min(chunk_, w.rows - w.done);
        const Slot& slot = slots_[w.slot];
        feeds.push_back({.row = {.slot = w.slot,
                                 .count = count,
                                 .past = slot.length,
                                 .length = w.expected_length,
                                 .memory = slot.memory},
                         .ids = w.ids.empty() ? std::span<const uint32_t>() : std::span(w.ids).subspan(w.done, count),
                         .picture = w.picture});
        for (const auto& [input, values] : w.others)
            feeds.back().others.push_back({input, std::span(values).subspan(w.done, count)});
        pieces_.push_back({i, w.done, count});
        tokens += count;
        if (want_ == Want::last && last) wanted.push_back(tokens - 1);
    }
    if (want_ == Want::all)
        for (uint32_t i = 0; i < tokens; ++i) wanted.push_back(i);
    // A step of one token a sequence is a decode step; where all logits are wanted the caller says
    // whether the step forms are meant.
    const auto sequences = uint32_t(feeds.size());
    const bool decode = tokens == sequences && (want_ != Want::all || step_form_) && !once_ && !whole_;
    Bucket bucket = decode ? options_.decode(sequences) : options_.prefill(tokens, sequences);
    bucket.taps = taps_;
    bucket.sampling = want_ != Want::all;
    bucket.once = once_;
    if (want_ == Want::all) bucket.outputs = bucket.tokens;
    weft_ASSIGN(Recorded * recorded, replay_for(bucket));
    rows_ = {.tokens = tokens, .sequences = sequences, .outputs = uint32_t(wanted.size())};
    weft_TRY(move_states(feeds));
    weft_TRY(write_step(bucket, feeds, wanted));
    for (const StepFeed& feed : feeds) {
        Slot& slot = slots_[feed.row.slot];
        if (!once_) slot.highest = std::max(slot.highest, feed.row.past + feed.row.count);
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
        moves.push_back({feed.row.slot});
        if (once_) state_rows_->write_all(feed.row.slot);
        else state_rows_->write_from(feed.row.slot, feed.row.past);
    }
    state_rows_->move(moves);
    std::vector<vk::Copy> copies;
    for (size_t i = 0; i < feeds.size(); ++i) {
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
    return write(step_block_, block_->image());
}

void Session::finish_step() {
    for (const Piece& piece : pieces_) {
        Work& w = work_[piece.feed];
        Slot& slot = slots_[w.slot];
        w.done += piece.count;
        if (once_) slot.memory = piece.count;
        if (once_ || whole_) continue;
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
    if (!has_encoder(model_->schedule))
        return Error{ErrorCode::invalid_argument, "this model has no stages before a sequence's first step", {}};
    weft_TRY(start(feeds, Want::nothing, 0, taps, false, true));
    return run();
}

Status Session::begin(std::span<const Feed> feeds, Want want) { return start(feeds, want, 0, false, false, false); }

Result<bool> Session::advance(double budget_ms) {
    if (!current_) return Error{ErrorCode::invalid_argument, "advance() without begin()", {}};
    const auto step_done = current_->replay.advance(budget_ms);
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
    if (!last_ || once_ != (stage.when == When::once))
        return Error{ErrorCode::invalid_argument, std::string(name) + " is not what was computed last", {}};
    return read_rows(last_->outputs[i], rows_.rows_of(s, s.outputs[i].stage), width_of(s.outputs[i]));
}

Result<std::vector<float>> Session::tap(std::string_view stage, uint32_t index) {
    const Schedule& s = model_->schedule;
    const auto taps = taps_of(s, once_);
    for (size_t i = 0; last_ && i < last_->taps.size(); ++i)
        if (s.stages[taps[i].stage].name == stage && taps[i].index == index)
            return read_rows(last_->taps[i], rows_.rows_of(s, taps[i].stage), s.stages[taps[i].stage].width);
    return Error{
        ErrorCode::invalid_argument, "there is no tap " + std::to_string(index) + " of stage " + in_quotes(stage), {}};
}

} // namespace weft
