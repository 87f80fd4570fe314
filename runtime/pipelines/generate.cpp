// SPDX-License-Identifier: Apache-2.0
// L6: TextModel: loading, and generating text.
#include "models/architecture.hpp"
#include "pipelines/text_model.hpp"
#include <algorithm>
#include <chrono>

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;
double ms_since(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

constexpr uint32_t kPrefillChunk = 256;

Result<SamplingOptions> sampling_of(const ModelFiles& files) {
    SamplingOptions s;
    if (!files.generation_config()) return s;
    const JsonObject c(*files.generation_config(), files.generation_config_origin());
    weft_ASSIGN(const bool sample, c.boolean_or("do_sample", false));
    s.greedy = !sample;
    weft_ASSIGN(const double temperature, c.number_or("temperature", 1));
    weft_ASSIGN(const int64_t top_k, c.integer_or("top_k", 0));
    weft_ASSIGN(const double top_p, c.number_or("top_p", 1));
    weft_ASSIGN(const double min_p, c.number_or("min_p", 0));
    weft_ASSIGN(const double penalty, c.number_or("repetition_penalty", 1));
    s.temperature = float(temperature);
    s.top_k = uint32_t(std::max<int64_t>(0, top_k));
    s.top_p = float(top_p);
    s.min_p = float(min_p);
    s.repeat_penalty = float(penalty);
    return s;
}

// End tokens: generation_config.json knows best (chat models end with several), else config.json.
Result<std::vector<uint32_t>> end_tokens(const ModelFiles& files) {
    std::vector<uint32_t> ends;
    const auto read = [&](const std::optional<Json>& json, const std::string& origin) -> Status {
        if (!json || !json->is_object() || !json->contains("eos_token_id") || !ends.empty()) return Ok{};
        const Json& v = (*json)["eos_token_id"];
        const auto take = [&](const Json& id) { return id.is_number_unsigned() && id.get<uint64_t>() < 0xffffffffu ? (ends.push_back(id.get<uint32_t>()), true) : id.is_null(); };
        bool ok = v.is_array() || take(v);
        if (v.is_array())
            for (const Json& id : v) ok &= take(id);
        if (!ok) return Error{ErrorCode::malformed, origin + ": key 'eos_token_id' must be a token id or a list of them", {}};
        return Ok{};
    };
    weft_TRY(read(files.generation_config(), files.generation_config_origin()));
    weft_TRY(read(files.config(), files.config_origin()));
    return ends;
}

kernel::SamplerRow sampler_row(const SamplingOptions& s, bool stops) {
    kernel::SamplerRow row;
    row.temperature = s.temperature;
    row.top_k = s.top_k;
    row.top_p = s.top_p;
    row.min_p = s.min_p;
    row.repeat_penalty = s.repeat_penalty;
    row.seed_low = uint32_t(s.seed);
    row.seed_high = uint32_t(s.seed >> 32);
    row.flags = (s.greedy ? kernel::SamplerRow::kGreedy : 0) | (stops ? kernel::SamplerRow::kStops : 0);
    return row;
}

Status check_sampling(const SamplingOptions& s) {
    const auto bad = [](const std::string& what) { return Error{ErrorCode::invalid_argument, what, {}}; };
    if (!(s.temperature >= 0)) return bad("temperature must be 0 or more");
    if (!(s.top_p > 0 && s.top_p <= 1)) return bad("top-p must be above 0 and at most 1");
    if (!(s.min_p >= 0 && s.min_p <= 1)) return bad("min-p must be between 0 and 1");
    if (!(s.repeat_penalty > 0)) return bad("the repeat penalty must be above 0");
    return Ok{};
}

Error cancelled() { return {ErrorCode::cancelled, "stopped", {}}; }

} // namespace

TextModel::TextModel(std::unique_ptr<TextModelState> state) : state_(std::move(state)) {}
TextModel::TextModel(TextModel&&) noexcept = default;
TextModel& TextModel::operator=(TextModel&&) noexcept = default;
TextModel::~TextModel() = default;

Result<TextModel> TextModel::load(Device& device, const std::filesystem::path& path, const TextModelOptions& options) {
    auto state = std::make_unique<TextModelState>();
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    std::error_code not_there;
    if (files.gguf() || std::filesystem::is_directory(path, not_there)) {
        auto loaded = files.gguf() ? Tokenizer::from_gguf(*files.gguf()) : Tokenizer::load(path);
        if (loaded) state->tokenizer.emplace(std::move(*loaded));
        else if (options.need_tokenizer) return loaded.error();
    } else if (options.need_tokenizer) return Error{ErrorCode::not_found, path.string() + ": there is no tokenizer; only token ids can be used", {}};
    weft_ASSIGN(state->sampling, sampling_of(files));
    const auto report = [&](Progress::Stage stage) { return [&options, stage](uint64_t done, uint64_t total) { return !options.progress || options.progress({stage, done, total}); }; };
    if (options.random_weights) {
        weft_ASSIGN(state->model, random_model(device.internal(), files, options.dtype, 1));
    } else {
        weft_ASSIGN(state->model, load_model(device.internal(), files, options.dtype, report(Progress::Stage::load)));
    }
    SessionOptions session;
    weft_ASSIGN(session.end_tokens, end_tokens(files));
    session.context = options.context;
    session.max_chunk = kPrefillChunk;
    session.kv_dtype = options.dtype == WeightType::f16 ? DType::f16 : DType::f32;
    weft_ASSIGN(state->session, Session::create(state->model, session));
    return TextModel(std::move(state));
}

Result<std::vector<uint32_t>> TextModel::encode(std::string_view text) const {
    if (!state_->tokenizer) return Error{ErrorCode::not_found, "this model has no tokenizer", {}};
    return state_->tokenizer->encode(text, state_->add_special);
}

std::string TextModel::decode(std::span<const uint32_t> ids) const { return state_->tokenizer ? state_->tokenizer->decode(ids, true) : std::string(); }

Result<GenerateStats> TextModel::generate(std::string_view prompt, const GenerateOptions& options, const std::function<bool(std::string_view)>& on_text) {
    weft_ASSIGN(auto ids, encode(prompt));
    if (ids.empty() && !state_->end_tokens().empty()) ids.push_back(state_->end_tokens()[0]); // texts are separated by it in training
    StreamDecoder decoder(*state_->tokenizer, true);
    auto stats = generate_ids(ids, options, [&](uint32_t id) {
        const std::string text = decoder.push(id);
        return text.empty() || on_text(text);
    });
    if (const std::string rest = decoder.flush(); !rest.empty()) on_text(rest);
    return stats;
}

Result<GenerateStats> TextModel::generate_ids(std::span<const uint32_t> prompt, const GenerateOptions& options, const std::function<bool(uint32_t)>& on_token) {
    weft_TRY(check_sampling(options.sampling));
    Session& session = *state_->session;
    const auto start = Clock::now();
    GenerateStats stats;
    stats.prompt_tokens = uint32_t(prompt.size());
    if (prompt.empty()) return Error{ErrorCode::invalid_argument, "the prompt has no tokens", {}};
    session.reset(0);
    session.set_sampler(0, sampler_row(options.sampling, !options.ignore_end));
    const auto build = [&](size_t done, size_t total) {
        if (options.progress) options.progress({Progress::Stage::pipelines, done, total});
    };
    weft_TRY(session.prepare(uint32_t(std::min<size_t>(prompt.size(), kPrefillChunk)), build));
    const Feed feed{0, prompt, 0};
    weft_TRY(session.begin({&feed, 1}, Want::last));
    for (;;) {
        weft_ASSIGN(const bool done, session.advance(session.options().longest_submission_ms));
        if (options.progress && !options.progress({Progress::Stage::prefill, session.length(0), prompt.size()})) return cancelled();
        if (done) break;
    }
    stats.prefill_ms = stats.first_token_ms = ms_since(start);

    const auto& ends = state_->end_tokens();
    // Gives a token out; true to go on.
    const auto give = [&](uint32_t id) {
        if (!options.ignore_end && std::find(ends.begin(), ends.end(), id) != ends.end()) {
            stats.ended = true;
            return false;
        }
        ++stats.new_tokens;
        return on_token(id) && stats.new_tokens < options.max_tokens;
    };
    if (options.max_tokens == 0) return stats;
    const auto decode_start = Clock::now();
    const double waited = session.device_wait_ms();
    bool going = give(session.next_token(0));
    const uint32_t slot = 0;
    uint32_t decoded = 0;
    std::vector<std::vector<uint32_t>> tokens;
    while (going) {
        const uint32_t room = session.options().context - session.length(0);
        if (room == 0) break;
        const uint32_t steps = std::min({std::max(1u, options.steps_per_wait), room, options.max_tokens - stats.new_tokens});
        weft_TRY(session.decode({&slot, 1}, steps, tokens));
        decoded += uint32_t(tokens[0].size());
        for (uint32_t id : tokens[0])
            if (!(going = give(id))) break; // what was made beyond is discarded
    }
    stats.decode_ms = ms_since(decode_start);
    if (decoded) stats.host_us_per_token = (stats.decode_ms - (session.device_wait_ms() - waited)) * 1000 / decoded;
    return stats;
}

SamplingOptions TextModel::default_sampling() const { return state_->sampling; }
std::string TextModel::architecture() const { return state_->model->schedule.architecture; }
uint32_t TextModel::context() const { return state_->session->options().context; }
uint64_t TextModel::parameters() const { return state_->model->schedule.parameters(); }
uint64_t TextModel::weight_bytes() const { return state_->model->weights.bytes(); }
uint64_t TextModel::state_bytes() const { return state_->session->state_bytes(); }
uint64_t TextModel::activation_bytes() const { return state_->session->activation_bytes(); }

} // namespace weft
