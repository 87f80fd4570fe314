// SPDX-License-Identifier: Apache-2.0
// L4: a forward: its tokens are cut into steps, each of which writes the step block and replays a recording.
#include "schedule/session.hpp"
#include <algorithm>
#include <array>
#include <bit>

namespace weft {
namespace {

std::span<const std::byte> words(std::span<const uint32_t> v) { return std::as_bytes(v); }

} // namespace

Status Session::check_feeds(std::span<const Feed> feeds) const {
    if (feeds.empty()) return Error{ErrorCode::invalid_argument, "a forward needs at least one sequence", {}};
    std::vector<bool> seen(options_.slots);
    for (const Feed& f : feeds) {
        if (f.slot >= options_.slots || seen[f.slot])
            return Error{ErrorCode::invalid_argument,
                         "slot " + std::to_string(f.slot) + " is not a slot of this session, or is fed twice",
                         {}};
        seen[f.slot] = true;
        if (f.ids.empty())
            return Error{ErrorCode::invalid_argument, "slot " + std::to_string(f.slot) + ": no tokens to feed", {}};
        const uint64_t length = slots_[f.slot].length + f.ids.size();
        if (length > options_.context)
            return Error{ErrorCode::invalid_argument,
                         "the sequence would be " + std::to_string(length) + " tokens long, the context is " +
                             std::to_string(options_.context),
                         {}};
        for (uint32_t id : f.ids)
            if (id >= model_->schedule.vocabulary)
                return Error{ErrorCode::invalid_argument,
                             "token id " + std::to_string(id) + " is outside the vocabulary of " +
                                 std::to_string(model_->schedule.vocabulary),
                             {}};
    }
    return Ok{};
}

Status Session::start(std::span<const Feed> feeds, Want want, uint32_t chunk, bool taps, bool step_form) {
    weft_TRY(check_feeds(feeds));
    want_ = want;
    taps_ = taps;
    step_form_ = step_form;
    const uint32_t share = std::max<uint32_t>(1, options_.max_chunk / uint32_t(feeds.size()));
    chunk_ = chunk ? std::min(chunk, share) : share;
    work_.clear();
    steps_ = 0;
    step_index_ = 0;
    for (const Feed& f : feeds) steps_ = std::max(steps_, uint32_t((f.ids.size() + chunk_ - 1) / chunk_));
    if (want == Want::all && steps_ > 1)
        return Error{ErrorCode::invalid_argument,
                     "logits of all tokens: feed at most " + std::to_string(chunk_) + " tokens at a time",
                     {}};
    for (const Feed& f : feeds) {
        Work w{f, {f.ids.begin(), f.ids.end()}, 0, 0};
        w.first_step = steps_ - uint32_t((f.ids.size() + chunk_ - 1) / chunk_);
        w.feed.expected_length = std::max(f.expected_length, uint32_t(slots_[f.slot].length + f.ids.size()));
        work_.push_back(std::move(w));
    }
    return begin_step();
}

Status Session::begin_step() {
    current_ = nullptr; // stays so if the step cannot be begun
    std::vector<kernel::StepSequence> rows;
    std::vector<uint32_t> ids, outputs;
    pieces_.clear();
    const bool last = step_index_ + 1 == steps_;
    for (size_t i = 0; i < work_.size(); ++i) {
        const Work& w = work_[i];
        if (step_index_ < w.first_step) continue;
        const uint32_t count = std::min<uint32_t>(chunk_, uint32_t(w.ids.size()) - w.done);
        rows.push_back({w.feed.slot, uint32_t(ids.size()), count, slots_[w.feed.slot].length, w.feed.expected_length});
        pieces_.push_back({i, w.done, count});
        ids.insert(ids.end(), w.ids.begin() + w.done, w.ids.begin() + w.done + count);
        if (want_ == Want::last && last) outputs.push_back(uint32_t(ids.size() - 1));
    }
    if (want_ == Want::all)
        for (uint32_t i = 0; i < ids.size(); ++i) outputs.push_back(i);
    step_tokens_ = uint32_t(ids.size());
    output_rows_ = uint32_t(outputs.size());
    // A step of one token a sequence is a decode step; where all logits are wanted the caller says
    // whether the step forms are meant.
    const auto sequences = uint32_t(rows.size());
    const bool decode = ids.size() == rows.size() && (want_ != Want::all || step_form_);
    Bucket bucket = decode ? options_.decode(sequences) : options_.prefill(step_tokens_, sequences);
    bucket.taps = taps_;
    bucket.sampling = want_ != Want::all;
    if (want_ == Want::all) bucket.outputs = bucket.tokens;
    weft_ASSIGN(Recorded * recorded, replay_for(bucket));
    move_states(rows);
    weft_TRY(write_step(rows, ids, outputs));
    for (const kernel::StepSequence& row : rows) {
        slots_[row.slot].highest = std::max(slots_[row.slot].highest, row.past + row.count);
        // Recordings for decoding leave the history to the sampler that chose the token; this one came from the caller.
        if (bucket.decode)
            weft_TRY(write(history_of(row.slot).part(uint64_t(row.past) * 4, 4), words({&ids[row.first], 1})));
    }
    recorded->replay.start(1);
    current_ = last_ = recorded;
    return Ok{};
}

void Session::move_states(std::span<kernel::StepSequence> rows) {
    for (kernel::StepSequence& row : rows) {
        row.read = state_rows_.of(row.slot);
        row.write = state_rows_.own(row.slot);
    }
}

Status Session::write_step(std::span<const kernel::StepSequence> rows, std::span<const uint32_t> ids,
                           std::span<const uint32_t> outputs) {
    kernel::StepHeader header;
    header.tokens = uint32_t(ids.size());
    header.sequences = uint32_t(rows.size());
    header.outputs = uint32_t(outputs.size());
    std::vector<uint32_t> positions, owner;
    for (size_t s = 0; s < rows.size(); ++s) {
        header.longest_new = std::max(header.longest_new, rows[s].count);
        header.longest_total = std::max(header.longest_total, rows[s].past + rows[s].count);
        for (uint32_t i = 0; i < rows[s].count; ++i) {
            positions.push_back(rows[s].past + i);
            owner.push_back(uint32_t(s));
        }
    }
    std::vector<std::byte> image(step_block_.size);
    const auto put = [&](const vk::Slice& where, std::span<const std::byte> bytes) {
        std::copy(bytes.begin(), bytes.end(), image.begin() + long(where.offset - step_block_.offset));
    };
    put(buffers_.header, std::as_bytes(std::span(&header, 1)));
    put(buffers_.sequences, std::as_bytes(rows));
    for (size_t i = 0; i < slots_.size(); ++i)
        put(buffers_.sampler.part(i * sizeof(kernel::SamplerRow), sizeof(kernel::SamplerRow)),
            std::as_bytes(std::span(&slots_[i].sampler, 1)));
    put(buffers_.ids, words(ids));
    put(buffers_.positions, words(positions));
    put(buffers_.token_sequence, words(owner));
    put(buffers_.outputs, words(outputs));
    std::array<uint32_t, kMostEnds> ends;
    ends.fill(kernel::kNoToken);
    std::copy(options_.end_tokens.begin(), options_.end_tokens.end(), ends.begin());
    put(buffers_.ends, std::as_bytes(std::span(ends)));
    return write(step_block_, image);
}

void Session::finish_step() {
    for (const Piece& piece : pieces_) {
        Work& w = work_[piece.feed];
        Slot& slot = slots_[w.feed.slot];
        slot.length += piece.count;
        slot.expected = std::max(slot.expected, w.feed.expected_length);
        slot.sampled = false;
        w.done += piece.count;
    }
    ++step_index_;
}

Status Session::forward(std::span<const Feed> feeds, Want want, uint32_t chunk, bool taps, bool step_form) {
    weft_TRY(start(feeds, want, chunk, taps, step_form));
    for (;;) {
        weft_ASSIGN(const bool done, advance(options_.longest_submission_ms));
        if (done) return Ok{};
    }
}

Status Session::begin(std::span<const Feed> feeds, Want want) { return start(feeds, want, 0, false, false); }

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
            Slot& slot = slots_[work_[i].feed.slot];
            slot.next = sampled[i];
            slot.sampled = slot.next != kernel::kNoToken;
        }
    }
    return true;
}

Result<std::vector<float>> Session::read_rows(const vk::Slice& from, uint32_t rows, uint32_t columns) {
    std::vector<float> values(size_t(rows) * columns);
    weft_TRY(uploader_->read(from, std::as_writable_bytes(std::span(values))));
    return values;
}

Result<std::vector<float>> Session::logits() {
    if (!last_) return Error{ErrorCode::invalid_argument, "logits() before any forward", {}};
    return read_rows(last_->logits, output_rows_, model_->schedule.vocabulary);
}

Result<std::vector<float>> Session::tap(uint32_t index) {
    if (!last_ || index >= last_->taps.size())
        return Error{ErrorCode::invalid_argument, "there is no tap " + std::to_string(index), {}};
    return read_rows(last_->taps[index], index + 1 == last_->taps.size() ? output_rows_ : step_tokens_,
                     model_->schedule.width);
}

} // namespace weft
