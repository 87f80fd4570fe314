// SPDX-License-Identifier: Apache-2.0
#include "schedule/session.hpp"
#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <numeric>

namespace weft {
namespace {

constexpr uint32_t kRing = 64;              // decode steps between two reads of sampled tokens, at most
constexpr uint32_t kDefaultContext = 4096;  // a trained context can be a million tokens: its states would not fit
constexpr uint32_t kSmallestBucket = 16;

uint64_t aligned(uint64_t bytes) { return (std::max<uint64_t>(bytes, 4) + vk::Tensor::kAlignment - 1) / vk::Tensor::kAlignment * vk::Tensor::kAlignment; }

std::span<const std::byte> words(std::span<const uint32_t> v) { return std::as_bytes(v); }

} // namespace

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Model> model, const SessionOptions& options) {
    std::unique_ptr<Session> s(new Session(std::move(model)));
    s->options_ = options;
    const Schedule& schedule = s->model_->schedule;
    SessionOptions& o = s->options_;
    if (o.context == 0) o.context = schedule.trained_context ? std::min(schedule.trained_context, kDefaultContext) : kDefaultContext;
    if (schedule.position_limit && o.context > schedule.position_limit)
        return Error{ErrorCode::invalid_argument, "a context of " + std::to_string(o.context) + " tokens was asked for, but the model has learned positions for " + std::to_string(schedule.position_limit), {}};
    if (o.slots == 0 || o.max_chunk == 0) return Error{ErrorCode::invalid_argument, "a session needs at least one slot and a chunk of at least one token", {}};
    if (o.end_tokens.size() > kMostEnds) return Error{ErrorCode::unsupported, std::to_string(o.end_tokens.size()) + " end tokens were given; weft takes at most " + std::to_string(kMostEnds), {}};
    weft_TRY(s->allocate());
    return s;
}

Error Session::too_long(uint64_t available) const {
    const auto fits = [&](uint32_t context) {
        uint64_t total = 0;
        for (const StateSpec& spec : model_->schedule.states({context, options_.max_chunk, options_.kv_dtype})) {
            const uint64_t bytes = spec.bytes() * options_.slots;
            if (bytes > model_->device.limits().storage_range) return false;
            total += aligned(bytes);
        }
        return total <= available;
    };
    uint32_t low = 0, high = options_.context;
    while (low + 1 < high) {
        const uint32_t middle = low + (high - low) / 2;
        (fits(middle) ? low : high) = middle;
    }
    return {ErrorCode::out_of_memory, "a context of " + std::to_string(options_.context) + " tokens for " + std::to_string(options_.slots) + " sequence(s) does not fit this device",
            {low ? "a context of " + std::to_string(low) + " tokens would fit" : "no context fits: the states of one token need more than is left",
             std::to_string(available >> 20) + " MiB are left for states, and one buffer may be at most " + std::to_string(model_->device.limits().storage_range >> 20) + " MiB"}};
}

Status Session::allocate() {
    vk::Device& device = model_->device;
    specs_ = model_->schedule.states({options_.context, options_.max_chunk, options_.kv_dtype});
    uint64_t total = 0, used = device.bytes_used();
    uint64_t available = device.summary().memory_bytes > used ? device.summary().memory_bytes - used : 0;
    if (device.options().memory_limit) available = std::min(available, device.options().memory_limit > used ? device.options().memory_limit - used : 0);
    for (const StateSpec& spec : specs_) {
        if (spec.bytes() * options_.slots > device.limits().storage_range) return too_long(available);
        total += aligned(spec.bytes() * options_.slots);
    }
    if (total > available) return too_long(available);
    for (const StateSpec& spec : specs_) {
        auto slice = states_arena_.allocate(spec.bytes() * options_.slots, total);
        if (!slice) return slice.error().code == ErrorCode::out_of_memory ? too_long(available / 2) : slice.error();
        buffers_.states.push_back(*slice);
        total -= aligned(spec.bytes() * options_.slots);
    }
    weft_ASSIGN(auto uploader, vk::Uploader::create(device, uint64_t(1) << 20));
    uploader_.emplace(std::move(uploader));

    SessionBuffers& b = buffers_;
    b.slots = options_.slots;
    b.history_capacity = options_.context;
    b.ring_capacity = kRing;
    const uint64_t tokens = std::bit_ceil(std::max(options_.max_chunk, options_.slots));
    struct Row { vk::Slice& slice; uint64_t bytes; };
    // The step block is one piece, so that writing it is one copy.
    const Row block[] = {{b.header, 64}, {b.sequences, std::bit_ceil(options_.slots) * uint64_t(32)}, {b.sampler, options_.slots * sizeof(kernel::SamplerRow)}, {b.ids, tokens * 4}, {b.positions, tokens * 4}, {b.token_sequence, tokens * 4}, {b.outputs, tokens * 4}, {b.ends, kMostEnds * 4}};
    uint64_t block_bytes = 0;
    for (const Row& row : block) block_bytes += aligned(row.bytes);
    const Row others[] = {{b.grid_arguments, kGridRows * 16}, {b.history, uint64_t(options_.slots) * options_.context * 4}, {logits_few_, std::bit_ceil(options_.slots) * uint64_t(model_->schedule.vocabulary) * 4}};
    uint64_t sum = aligned(block_bytes);
    for (const Row& row : others) sum += aligned(row.bytes);
    weft_ASSIGN(step_block_, activation_arena_.allocate(block_bytes, sum));
    uint64_t at = 0;
    for (const Row& row : block) {
        row.slice = step_block_.part(at, aligned(row.bytes));
        at += aligned(row.bytes);
    }
    for (const Row& row : others) {
        weft_ASSIGN(row.slice, activation_arena_.allocate(row.bytes));
    }
    weft_ASSIGN(b.ring, host_arena_.allocate(uint64_t(kRing) * std::bit_ceil(options_.slots) * 4));
    b.logits = logits_few_;
    slots_.resize(options_.slots);
    return Ok{};
}

Result<Replay*> Session::replay_for(const Bucket& bucket, const std::function<void(size_t, size_t)>& progress) {
    if (const auto it = replays_.find(bucket); it != replays_.end()) return it->second.get();
    vk::Device& device = model_->device;
    SessionBuffers b = buffers_;
    b.logits = logits_few_;
    if (!bucket.sampling && bucket.outputs > options_.slots) {
        const uint64_t bytes = uint64_t(bucket.outputs) * model_->schedule.vocabulary * 4;
        if (bytes > device.limits().storage_range)
            return Error{ErrorCode::unsupported, "the logits of " + std::to_string(bucket.outputs) + " tokens at once are larger than one buffer may be; feed fewer tokens at a time", {}};
        if (logits_all_.size < bytes) {
            weft_ASSIGN(logits_all_, activation_arena_.allocate(bytes));
        }
        b.logits = logits_all_;
    }
    if (bucket.taps) {
        for (size_t i = 0; i <= model_->schedule.layers.size(); ++i) {
            weft_ASSIGN(const vk::Slice slice, activation_arena_.allocate(uint64_t(bucket.tokens) * model_->schedule.width * 4));
            b.taps.push_back(slice);
        }
        buffers_.taps = b.taps;
    }
    weft_TRY(check_plan(device, model_->schedule, specs_, options_.slots, bucket));
    Plan plan = make_plan(device, model_->schedule, model_->weights.all(), b, specs_, bucket);
    if (plan.activation_bytes > activation_.size) {
        weft_ASSIGN(activation_, activation_arena_.allocate(plan.activation_bytes));
    }
    for (size_t i = 0; i < plan.program.resources.size(); ++i)
        if (auto& resource = plan.program.resources[i]; resource.temporary) resource.slice = activation_.part(plan.offsets[i], std::max<uint64_t>(4, resource.bytes));

    // The grid table is data of this recording: which dispatch depends on which quantity.
    const auto& rows = plan.program.grid_rows;
    weft_CHECK(rows.size() <= kGridRows, "the grid table is full");
    weft_ASSIGN(const vk::Slice table, activation_arena_.allocate(std::max<size_t>(1, rows.size()) * sizeof(vk::GridRow)));
    weft_TRY(write(table, std::as_bytes(std::span(rows))));
    vk::Recorder r(device);
    kernel::grids(r, r.external(b.header, DType::u32, {16}, "step header"), r.external(table, DType::u32, {uint32_t(rows.size()), 12}, "grid table"), r.external(b.grid_arguments, DType::u32, {kGridRows, 4}, "grid arguments"), uint32_t(rows.size()));
    vk::Program prologue = r.finish();
    auto keys = plan.program.pipelines();
    for (auto& key : prologue.pipelines()) keys.push_back(key);
    weft_TRY(device.pipelines().build(keys, progress));
    weft_ASSIGN(auto first, vk::Recording::create(device, std::move(prologue)));
    weft_ASSIGN(auto main, vk::Recording::create(device, std::move(plan.program), {.timestamps = options_.timestamps}));
    weft_ASSIGN(auto replay, Replay::create(device, std::move(first), std::move(main)));
    return replays_.emplace(bucket, std::make_unique<Replay>(std::move(replay))).first->second.get();
}

uint64_t Session::submissions() const {
    uint64_t n = 0;
    for (const auto& [bucket, replay] : replays_) n += replay->submissions();
    return n;
}

double Session::device_wait_ms() const {
    double ms = 0;
    for (const auto& [bucket, replay] : replays_) ms += replay->device_wait_ms();
    return ms;
}

Status Session::prepare(uint32_t tokens, const std::function<void(size_t, size_t)>& progress) {
    const uint32_t sequences = std::bit_ceil(std::min(options_.slots, 1u));
    const uint32_t chunk = std::min(tokens, options_.max_chunk);
    const uint32_t bucket = std::max(kSmallestBucket, std::bit_ceil(chunk));
    if (auto r = replay_for({bucket, sequences, sequences, false, true, false}, progress); !r) return r.error();
    if (auto r = replay_for({sequences, sequences, sequences, true, true, false}, progress); !r) return r.error();
    return Ok{};
}

Status Session::check_feeds(std::span<const Feed> feeds) const {
    if (feeds.empty()) return Error{ErrorCode::invalid_argument, "a forward needs at least one sequence", {}};
    std::vector<bool> seen(options_.slots);
    for (const Feed& f : feeds) {
        if (f.slot >= options_.slots || seen[f.slot]) return Error{ErrorCode::invalid_argument, "slot " + std::to_string(f.slot) + " is not a slot of this session, or is fed twice", {}};
        seen[f.slot] = true;
        if (f.ids.empty()) return Error{ErrorCode::invalid_argument, "slot " + std::to_string(f.slot) + ": no tokens to feed", {}};
        const uint64_t length = slots_[f.slot].length + f.ids.size();
        if (length > options_.context)
            return Error{ErrorCode::invalid_argument, "the sequence would be " + std::to_string(length) + " tokens long, the context is " + std::to_string(options_.context), {}};
        for (uint32_t id : f.ids)
            if (id >= model_->schedule.vocabulary) return Error{ErrorCode::invalid_argument, "token id " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(model_->schedule.vocabulary), {}};
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
    if (want == Want::all && steps_ > 1) return Error{ErrorCode::invalid_argument, "logits of all tokens: feed at most " + std::to_string(chunk_) + " tokens at a time", {}};
    for (const Feed& f : feeds) {
        Work w{f, {f.ids.begin(), f.ids.end()}, 0, 0};
        w.first_step = steps_ - uint32_t((f.ids.size() + chunk_ - 1) / chunk_);
        w.feed.expected_length = std::max(f.expected_length, uint32_t(slots_[f.slot].length + f.ids.size()));
        work_.push_back(std::move(w));
    }
    return begin_step();
}

Status Session::begin_step() {
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
    Bucket bucket;
    bucket.sequences = std::bit_ceil(uint32_t(rows.size()));
    bucket.taps = taps_;
    // A step of one token a sequence is a decode step; where all logits are wanted the caller says whether the step forms are meant.
    bucket.decode = ids.size() == rows.size() && (want_ != Want::all || step_form_);
    bucket.tokens = bucket.decode ? bucket.sequences : std::max(kSmallestBucket, std::bit_ceil(step_tokens_));
    bucket.sampling = want_ != Want::all;
    bucket.outputs = want_ == Want::all ? bucket.tokens : bucket.sequences;
    weft_ASSIGN(current_, replay_for(bucket));
    last_ = current_;
    buffers_.logits = want_ == Want::all && bucket.outputs > options_.slots ? logits_all_ : logits_few_;
    weft_TRY(write_step(rows, ids, outputs));
    current_->start(1);
    return Ok{};
}

Status Session::write_step(std::span<const kernel::StepSequence> rows, std::span<const uint32_t> ids, std::span<const uint32_t> outputs) {
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
    const auto put = [&](const vk::Slice& where, std::span<const std::byte> bytes) { std::copy(bytes.begin(), bytes.end(), image.begin() + long(where.offset - step_block_.offset)); };
    put(buffers_.header, std::as_bytes(std::span(&header, 1)));
    put(buffers_.sequences, std::as_bytes(rows));
    for (size_t i = 0; i < slots_.size(); ++i) put(buffers_.sampler.part(i * sizeof(kernel::SamplerRow), sizeof(kernel::SamplerRow)), std::as_bytes(std::span(&slots_[i].sampler, 1)));
    put(buffers_.ids, words(ids));
    put(buffers_.positions, words(positions));
    put(buffers_.token_sequence, words(owner));
    put(buffers_.outputs, words(outputs));
    std::array<uint32_t, kMostEnds> ends;
    ends.fill(UINT32_MAX); // no token
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
    weft_ASSIGN(const bool step_done, current_->advance(budget_ms));
    if (!step_done) return false;
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
            slot.sampled = true;
        }
    }
    return true;
}

Result<std::vector<float>> Session::read_rows(const vk::Slice& from, uint32_t rows, uint32_t columns) {
    std::vector<float> values(size_t(rows) * columns);
    weft_TRY(uploader_->read(from, std::as_writable_bytes(std::span(values))));
    return values;
}

Result<std::vector<float>> Session::logits() { return read_rows(buffers_.logits, output_rows_, model_->schedule.vocabulary); }

Result<std::vector<float>> Session::tap(uint32_t index) {
    if (index >= buffers_.taps.size()) return Error{ErrorCode::invalid_argument, "there is no tap " + std::to_string(index), {}};
    return read_rows(buffers_.taps[index], index + 1 == buffers_.taps.size() ? output_rows_ : step_tokens_, model_->schedule.width);
}

Status Session::decode(std::span<const uint32_t> slots, uint32_t steps, std::vector<std::vector<uint32_t>>& tokens) {
    tokens.assign(slots.size(), {});
    for (uint32_t slot : slots) {
        if (slot >= options_.slots || !slots_[slot].sampled) return Error{ErrorCode::invalid_argument, "decode: slot " + std::to_string(slot) + " has no sampled token to go on from", {}};
        if (uint64_t(slots_[slot].length) + steps > options_.context)
            return Error{ErrorCode::invalid_argument, "decode: the sequence would be " + std::to_string(slots_[slot].length + steps) + " tokens long, the context is " + std::to_string(options_.context), {}};
    }
    std::vector<kernel::StepSequence> rows;
    std::vector<uint32_t> ids, outputs;
    Bucket bucket;
    bucket.sequences = bucket.tokens = bucket.outputs = std::bit_ceil(uint32_t(slots.size()));
    bucket.decode = bucket.sampling = true;
    weft_ASSIGN(Replay* replay, replay_for(bucket));
    last_ = replay;
    buffers_.logits = logits_few_;
    output_rows_ = uint32_t(slots.size());
    std::vector<size_t> going(slots.size()); // which of `slots` have not ended
    std::iota(going.begin(), going.end(), 0);
    for (uint32_t done = 0; done < steps && !going.empty();) {
        const uint32_t now = std::min(steps - done, kRing);
        rows.clear(), ids.clear(), outputs.clear();
        for (size_t i : going) {
            const Slot& slot = slots_[slots[i]];
            rows.push_back({slots[i], uint32_t(ids.size()), 1, slot.length, std::max(slot.expected, slot.length + 1)});
            outputs.push_back(uint32_t(ids.size()));
            ids.push_back(slot.next);
        }
        weft_TRY(write_step(rows, ids, outputs));
        weft_TRY(replay->run(now, options_.longest_submission_ms));
        std::vector<uint32_t> ring(size_t(kRing) * bucket.outputs);
        weft_TRY(uploader_->read(buffers_.ring, std::as_writable_bytes(std::span(ring))));
        for (uint32_t k = 0; k < now; ++k) { // row k holds the tokens of those that had not ended by then, in order
            for (size_t j = 0; j < going.size(); ++j) {
                Slot& slot = slots_[slots[going[j]]];
                ++slot.length;
                tokens[going[j]].push_back(slot.next = ring[size_t(k) * bucket.outputs + j]);
            }
            std::erase_if(going, [&](size_t i) { return ends_here(slots_[slots[i]]); });
        }
        done += now;
    }
    return Ok{};
}

bool Session::ends_here(const Slot& slot) const {
    return (slot.sampler.flags & kernel::SamplerRow::kStops) && std::find(options_.end_tokens.begin(), options_.end_tokens.end(), slot.next) != options_.end_tokens.end();
}

void Session::reset(uint32_t slot) {
    const kernel::SamplerRow sampler = slots_[slot].sampler;
    slots_[slot] = {};
    slots_[slot].sampler = sampler;
}

bool Session::can_truncate() const {
    return std::all_of(specs_.begin(), specs_.end(), [](const StateSpec& spec) { return spec.growth == Growth::linear; });
}

Status Session::truncate(uint32_t slot, uint32_t length) {
    Slot& s = slots_[slot];
    if (length > s.length) return Error{ErrorCode::invalid_argument, "truncate: the sequence has only " + std::to_string(s.length) + " tokens", {}};
    if (length == s.length) return Ok{};
    if (length == 0) {
        reset(slot);
        return Ok{};
    }
    for (const StateSpec& spec : specs_) {
        if (spec.growth == Growth::constant) return Error{ErrorCode::unsupported, "truncate: a recurrent state cannot forget its last tokens; restore a snapshot", {}};
        // A ring still holds what the shorter sequence needs only while nothing of it was overwritten.
        if (spec.growth == Growth::window && s.length > spec.shape[0] && s.length - length + options_.max_chunk > 0 && s.length > length + (spec.shape[0] - std::min(spec.shape[0], options_.max_chunk)))
            return Error{ErrorCode::unsupported, "truncate: a sliding window has already dropped the tokens that the shorter sequence needs; restore a snapshot", {}};
    }
    s.length = length;
    s.sampled = false;
    return Ok{};
}

} // namespace weft
