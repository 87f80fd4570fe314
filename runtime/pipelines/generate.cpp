// SPDX-License-Identifier: Apache-2.0
// L6: TextModel: loading, and generating text.
#include "base/threads.hpp"
#include "models/architecture.hpp"
#include "pipelines/chat_memory.hpp"
#include "pipelines/generation.hpp"
#include "pipelines/stops.hpp"
#include "pipelines/tasks.hpp"
#include "pipelines/text_model.hpp"
#include <atomic>
#include <chrono>

namespace weft {
namespace {

Error cancelled() { return {ErrorCode::cancelled, "stopped", {}}; }

// A large vocabulary takes about as long to read as the weights, and nothing of theirs: both are read at once.
class TokenizerReading {
public:
    TokenizerReading(const ModelFiles& files, const std::filesystem::path& path)
        : thread_(start_thread([this, &files, path] {
              std::error_code not_there;
              if (files.gguf()) tokenizer_ = Tokenizer::from_gguf(*files.gguf());
              else if (std::filesystem::is_directory(path, not_there)) tokenizer_ = Tokenizer::load(path);
              else
                  tokenizer_ = Error{
                      ErrorCode::not_found, path.string() + ": there is no tokenizer; only token ids can be used", {}};
              failed_ = !tokenizer_;
          })) {}
    ~TokenizerReading() {
        if (thread_.joinable()) thread_.join();
    }
    /// Whether it is known by now that there is none.
    bool failed() const { return failed_; }
    Result<Tokenizer>& wait() {
        if (thread_.joinable()) thread_.join();
        return tokenizer_;
    }

private:
    Result<Tokenizer> tokenizer_ = Error{};
    std::atomic<bool> failed_ = false;
    std::thread thread_; // last: it uses the others
};

} // namespace

TextModel::TextModel(std::unique_ptr<TextModelState> state) : state_(std::move(state)) {}
TextModel::TextModel(TextModel&&) noexcept = default;
TextModel& TextModel::operator=(TextModel&&) noexcept = default;
TextModel::~TextModel() = default;

Result<TextModel> TextModel::load(Device& device, const std::filesystem::path& path,
                                  const TextModelOptions& options) try {
    auto state = std::make_unique<TextModelState>();
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    TokenizerReading reading(files, path);
    const auto report = [&](uint64_t done, uint64_t total) {
        return !(options.need_tokenizer && reading.failed()) &&
               (!options.progress || options.progress({Progress::Stage::load, done, total}));
    };
    auto model = options.random_weights
                     ? random_model(device.internal(), files, options.dtype, 1, text_alone(files))
                     : load_model(device.internal(), files, options.dtype, report, text_alone(files));
    Result<Tokenizer>& tokenizer = reading.wait();
    if (!tokenizer && options.need_tokenizer) return tokenizer.error();
    if (tokenizer) state->tokenizer.emplace(std::move(*tokenizer));
    weft_ASSIGN(state->defaults, read_generation_defaults(files, state->tokenizer ? &*state->tokenizer : nullptr));
    weft_ASSIGN(state->model, std::move(model));
    weft_TRY(check_generates(state->model->schedule));
    SessionOptions session;
    session.end_tokens = state->defaults.end_tokens;
    session.context = options.context;
    session.kv_dtype = kv_type_beside(options.dtype);
    session.held = kChatHolds;
    weft_ASSIGN(state->session, Session::create(state->model, session));
    return TextModel(std::move(state));
}
weft_CATCH

Result<std::vector<uint32_t>> TextModel::encode(std::string_view text) const try {
    if (!state_->tokenizer) return Error{ErrorCode::not_found, "this model has no tokenizer", {}};
    return state_->tokenizer->encode(text, state_->add_special);
}
weft_CATCH

std::string TextModel::decode(std::span<const uint32_t> ids) const {
    return state_->tokenizer ? state_->tokenizer->decode(ids, true) : std::string();
}

Result<GenerateStats> TextModel::generate(std::string_view prompt, const GenerateOptions& options,
                                          const std::function<bool(std::string_view)>& on_text) try {
    weft_ASSIGN(auto ids, encode(prompt));
    if (const auto& ends = state_->defaults.end_tokens; ids.empty() && !ends.empty())
        ids.push_back(ends[0]); // texts are separated by it in training
    weft_ASSIGN(Stops stops, Stops::create(options.stop, *state_->tokenizer));
    // What an encoder reads is no part of the text.
    StreamDecoder decoder(*state_->tokenizer, true, state_->encoder() ? std::span<const uint32_t>() : ids);
    auto stats = generate_ids(ids, options, [&](uint32_t id) {
        if (stops.is_stop(id)) return false;
        const std::string text = stops.push(decoder.push(id));
        return (text.empty() || on_text(text)) && !stops.found();
    });
    std::string rest = stops.push(decoder.flush());
    rest += stops.flush();
    if (!rest.empty()) on_text(rest);
    if (stats) stats->stop = stops.found().value_or("");
    return stats;
}
weft_CATCH

Result<GenerateStats> TextModel::generate_ids(std::span<const uint32_t> prompt, const GenerateOptions& options,
                                              const std::function<bool(uint32_t)>& on_token) try {
    Session& session = *state_->session;
    session.reset(0);
    weft_TRY(session.set_end_tokens(state_->defaults.end_tokens));
    const uint32_t start = uint32_t(state_->model->schedule.begin_token);
    const std::span<const uint32_t> own = state_->encoder() ? std::span(&start, 1) : prompt;
    double encode_ms = 0;
    if (state_->encoder()) {
        const auto begin = std::chrono::steady_clock::now();
        const Feed feed{0, prompt};
        weft_TRY(session.encode({&feed, 1}));
        encode_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    }
    const auto stats_of = [&](GenerateStats stats) {
        stats.prompt_tokens = uint32_t(prompt.size());
        stats.prefill_ms += encode_ms;
        stats.first_token_ms += encode_ms;
        return stats;
    };
    weft_ASSIGN(Generation generation, Generation::begin(session, own, options));
    std::vector<uint32_t> tokens;
    for (bool done = false; !done;) {
        const bool feeding = !generation.prompt_is_fed();
        tokens.clear();
        weft_ASSIGN(done, generation.advance(kWithoutLimit, tokens));
        if (feeding && options.progress &&
            !options.progress({Progress::Stage::prefill, session.length(0), prompt.size()}))
            return cancelled();
        GenerateStats stats = stats_of(generation.stats());
        stats.new_tokens -= uint32_t(tokens.size());
        for (const uint32_t id : tokens) { // what was made beyond a stop is discarded
            ++stats.new_tokens;
            if (!on_token(id)) {
                stats.ended = false;
                return stats;
            }
        }
    }
    return stats_of(generation.stats());
}
weft_CATCH

GenerateOptions TextModel::default_options() const {
    const GenerationDefaults& d = state_->defaults;
    GenerateOptions o;
    o.sampling = d.sampling;
    o.max_tokens = d.max_tokens.value_or(o.max_tokens);
    o.max_length = d.max_length;
    o.stop = d.stop;
    return o;
}
const std::vector<std::string>& TextModel::warnings() const { return state_->model->warnings; }
bool TextModel::answers() const { return state_->encoder(); }
std::string TextModel::architecture() const { return state_->model->schedule.architecture; }
uint32_t TextModel::context() const { return state_->session->options().context; }
uint64_t TextModel::parameters() const { return state_->model->schedule.parameters(); }
uint64_t TextModel::weight_bytes() const { return state_->model->weights.bytes(); }
uint64_t TextModel::state_bytes() const { return state_->session->state_bytes(); }
uint64_t TextModel::activation_bytes() const { return state_->session->activation_bytes(); }

} // namespace weft
