// SPDX-License-Identifier: Apache-2.0
#include "schedule/session.hpp"
#include <algorithm>
#include <bit>

namespace weft::detail {
namespace {

constexpr uint32_t kRing = 64; // decode steps between two reads of sampled tokens, at most

uint64_t aligned(uint64_t bytes) {
    return (std::max<uint64_t>(bytes, 4) + vk::Tensor::kAlignment - 1) / vk::Tensor::kAlignment *
           vk::Tensor::kAlignment;
}

} // namespace

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const LoadedModel> model,
                                                 const SessionOptions& options) {
    std::unique_ptr<Session> s(new Session(std::move(model)));
    weft_ASSIGN(s->options_, resolved(options, s->model_->schedule, &s->model_->device));
    s->whole_ = takes_whole(s->model_->schedule);
    weft_TRY(s->set_end_tokens(options.end_tokens));
    weft_TRY(s->allocate());
    return s;
}

Status Session::set_end_tokens(std::vector<uint32_t> ends) {
    if (ends.size() > kMostEnds)
        return Error{ErrorCode::unsupported,
                     std::to_string(ends.size()) + " end tokens were given; weft takes at most " +
                         std::to_string(kMostEnds),
                     {}};
    options_.end_tokens = std::move(ends);
    return Ok{};
}

Error Session::too_long(uint64_t available) const {
    const auto fits = [&](uint32_t context) {
        uint64_t total = 0;
        StateOptions o = options_.states();
        o.context = context;
        o.memory = memory_for(model_->schedule, options_.before, context);
        for (const StateLayout& spec : layouts_of(model_->schedule.states, o)) {
            if (!state_fits(model_->device, spec, options_.rows_of(spec))) return false;
            total += aligned(spec.bytes() * options_.rows_of(spec));
        }
        return total + uint64_t(options_.slots) * context * 4 <= available; // the tokens' history
    };
    uint32_t low = 0, high = options_.context;
    while (low + 1 < high) {
        const uint32_t middle = low + (high - low) / 2;
        (fits(middle) ? low : high) = middle;
    }
    return {
        ErrorCode::out_of_memory,
        "a context of " + std::to_string(options_.context) + " tokens for " + std::to_string(options_.slots) +
            " sequence(s)" + (options_.held ? " and " + std::to_string(options_.held) + " held states" : "") +
            " does not fit this device",
        {low ? "a context of " + std::to_string(low) + " tokens would fit"
             : "no context fits: the states of one token need more than is left",
         std::to_string(available >> 20) + " MiB are left for states, and one buffer may be at most " +
             std::to_string(std::min(model_->device.limits().storage_range, model_->device.limits().allocation) >> 20) +
             " MiB"}};
}

uint64_t Session::largest_activations() const {
    StateOptions o = options_.states();
    o.context = 1; // no temporary depends on it
    const auto bytes_of = [&](const Bucket& bucket) {
        const auto plan = dry_plan(model_->device, model_->schedule, model_->weights.all(),
                                   layouts_of(model_->schedule.states, o), bucket, o.context);
        return plan ? plan->activation_bytes : 0;
    };
    return std::max(bytes_of(options_.prefill()), runs_before(model_->schedule) ? bytes_of(options_.ahead()) : 0);
}

uint64_t Session::beside_states() const {
    constexpr uint64_t kSmallPieces = uint64_t(2) << 20; // step block, staging, tables of a few recordings
    uint64_t outputs = 0;
    for (const Output& output : model_->schedule.outputs)
        outputs += options_.largest(model_->schedule.stages[output.stage]).rows_of(model_->schedule, output.stage) *
                   width_of(output) * 4;
    return kSmallPieces + outputs + largest_activations();
}

Status Session::allocate() {
    vk::Device& device = model_->device;
    layouts_ = layouts_of(model_->schedule.states, options_.states());
    uint64_t total = 0;
    const uint64_t available = device.memory_left();
    for (const StateLayout& spec : layouts_) {
        if (!state_fits(device, spec, options_.rows_of(spec)))
            return too_long(available - std::min(available, beside_states()));
        total += aligned(spec.bytes() * options_.rows_of(spec));
    }
    // Planning takes milliseconds, so it is done only where it may matter.
    if (total > available / 2) {
        const uint64_t rest = std::min(available, beside_states());
        if (total + uint64_t(options_.slots) * options_.context * 4 > available - rest)
            return too_long(available - rest);
    }
    for (const StateLayout& spec : layouts_) {
        const uint64_t bytes = spec.bytes() * options_.rows_of(spec);
        auto slice = states_arena_.allocate(bytes, total);
        if (!slice) return slice.error().code == ErrorCode::out_of_memory ? too_long(available / 2) : slice.error();
        buffers_.states.push_back(*slice);
        total -= aligned(bytes);
    }
    weft_ASSIGN(auto uploader, vk::Uploader::create(device, uint64_t(1) << 20));
    uploader_.emplace(std::move(uploader));

    SessionBuffers& b = buffers_;
    b.slots = options_.slots;
    b.constant_rows = options_.slots + options_.held;
    b.history_capacity = options_.context;
    b.ring_capacity = kRing;
    const uint32_t sequences = std::bit_ceil(options_.slots);
    block_.emplace(model_->schedule, options_);
    outputs_few_.resize(model_->schedule.outputs.size());
    outputs_all_.resize(model_->schedule.outputs.size());
    struct Row {
        vk::Slice& slice;
        uint64_t bytes;
    };
    std::vector<Row> rows = {{step_block_, block_->bytes()},
                             {b.grid_arguments, kGridRows * 16},
                             {b.history, uint64_t(options_.slots) * options_.context * 4}};
    for (size_t i = 0; i < outputs_few_.size(); ++i)
        rows.push_back({outputs_few_[i], sequences * width_of(model_->schedule.outputs[i]) * 4});
    uint64_t sum = 0;
    for (const Row& row : rows) sum += aligned(row.bytes);
    for (const Row& row : rows) {
        weft_ASSIGN(row.slice, activation_arena_.allocate(row.bytes, sum));
        sum -= aligned(row.bytes);
    }
    block_->place(step_block_, b);
    // As many numbers as the patches of the largest step.
    for (size_t i = 0; i < model_->schedule.inputs.size(); ++i)
        if (const Input& input = model_->schedule.inputs[i]; input.pictures()) {
            const uint64_t patches = options_.largest(model_->schedule.stages[input.stage]).tokens;
            weft_ASSIGN(b.inputs[i], activation_arena_.allocate(input.grid.numbers(patches) * 4));
        }
    weft_ASSIGN(b.ring, host_arena_.allocate(uint64_t(kRing) * std::bit_ceil(options_.slots) * 4));
    slots_.resize(options_.slots);
    state_rows_ = std::make_shared<StateRows>(options_.slots, options_.held);
    return Ok{};
}

// The region is that of the largest recording from the start; only one that gives the logits of all tokens may need
// more, and then the recordings in the old one are made anew.
Status Session::make_room(uint64_t activations) {
    if (activations <= activation_.size) return Ok{};
    const uint64_t bytes = activation_ ? activations : std::max(activations, largest_activations());
    replays_.clear();
    last_ = nullptr;
    activation_ = {};
    region_arena_ = vk::Arena(model_->device, vk::MemoryUse::device, "activations");
    auto region = region_arena_.allocate(bytes);
    if (!region && bytes > activations) region = region_arena_.allocate(activations); // a short prompt needs less
    if (!region) return region.error();
    activation_ = *region;
    return Ok{};
}

uint64_t Session::width_of(const Output& output) const {
    return model_->schedule.stages[output.stage].width_of(output.stream);
}

// Recordings share the outputs of few rows; those of all tokens with the last one made while it is large enough: those
// made before keep theirs.
Result<std::vector<vk::Slice>> Session::outputs_for(const Bucket& bucket) {
    std::vector<vk::Slice> slices = outputs_few_;
    const Schedule& s = model_->schedule;
    for (size_t i = 0; i < slices.size(); ++i) {
        const Stage& stage = s.stages[s.outputs[i].stage];
        const uint64_t rows = bucket.rows_of(s, s.outputs[i].stage), bytes = rows * width_of(s.outputs[i]) * 4;
        if (!bucket.runs(stage) || bytes <= slices[i].size) continue;
        if (bytes > model_->device.limits().storage_range)
            return Error{ErrorCode::unsupported,
                         "the " + s.outputs[i].name + " of " + std::to_string(rows) +
                             " tokens at once are larger than one buffer may be; feed fewer tokens at a time",
                         {}};
        if (outputs_all_[i].size < bytes) {
            weft_ASSIGN(outputs_all_[i], activation_arena_.allocate(bytes));
        }
        slices[i] = outputs_all_[i];
    }
    return slices;
}

Result<Session::Recorded*> Session::replay_for(const Bucket& bucket,
                                               const std::function<bool(size_t, size_t)>& progress) {
    if (const auto it = replays_.find(bucket); it != replays_.end()) return &it->second;
    vk::Device& device = model_->device;
    SessionBuffers b = buffers_;
    weft_ASSIGN(b.outputs, outputs_for(bucket));
    weft_ASSIGN(b.grid_table, activation_arena_.allocate(kGridRows * sizeof(vk::GridRow)));
    if (bucket.taps)
        for (const Tap& tap : taps_of(model_->schedule, bucket.before)) {
            weft_ASSIGN(
                const vk::Slice slice,
                activation_arena_.allocate(uint64_t(bucket.tokens) * model_->schedule.stages[tap.stage].width * 4));
            b.taps.push_back(slice);
        }
    weft_ASSIGN(Plan plan, make_plan(device, model_->schedule, model_->weights.all(), b, layouts_, bucket));
    weft_TRY(make_room(plan.activation_bytes));
    plan.place(activation_);

    // The grid table is data of this recording: which dispatch depends on which quantity.
    auto rows = plan.program.grid_rows;
    constexpr vk::GridRow::Axis kOne{1, 0, 1, 1};
    rows.resize(kGridRows, {{kOne, kOne, kOne}}); // of no dispatch
    weft_TRY(uploader_->put(b.grid_table, std::as_bytes(std::span(rows))));
    vk::Recorder r(device);
    const auto used = uint32_t(plan.program.grid_rows.size());
    if (used)
        kernel::grids(r, r.external(b.headers, DType::u32, {uint32_t(b.headers.size / 4)}, "step headers"),
                      r.external(b.grid_table, DType::u32, {kGridRows, 12}, "grid table"),
                      r.external(b.grid_arguments, DType::u32, {kGridRows, 4}, "grid arguments"), used);
    weft_ASSIGN(vk::Program prologue, r.finish());
    auto keys = plan.program.pipelines();
    for (auto& key : prologue.pipelines()) keys.push_back(key);
    weft_TRY(device.pipelines().build(keys, progress));
    weft_ASSIGN(auto first, vk::Recording::create(device, std::move(prologue)));
    weft_ASSIGN(auto main, vk::Recording::create(device, std::move(plan.program), {.timestamps = options_.timestamps}));
    weft_ASSIGN(auto replay, Replay::create(device, std::move(first), std::move(main)));
    return &replays_.emplace(bucket, Recorded{std::move(replay), std::move(b.outputs), std::move(b.taps)})
                .first->second;
}

uint64_t Session::submissions() const {
    uint64_t n = uploader_->submissions();
    for (const auto& [bucket, recorded] : replays_)
        n += recorded.replay.submissions() + (recorded.scoring ? recorded.scoring->replay.submissions() : 0);
    return n;
}

double Session::device_wait_ms() const {
    double ms = 0;
    for (const auto& [bucket, recorded] : replays_) ms += recorded.replay.device_wait_ms();
    return ms;
}

Status Session::prepare(uint32_t tokens, const std::function<bool(size_t, size_t)>& progress) {
    const uint32_t chunk = std::min(std::max(tokens, 1u), options_.max_chunk);
    if (auto r = replay_for(options_.prefill(chunk, 1), progress); !r) return r.error();
    if (whole_) return Ok{};
    if (auto r = replay_for(options_.decode(), progress); !r) return r.error();
    return Ok{};
}

} // namespace weft::detail
