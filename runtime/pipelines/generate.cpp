// SPDX-License-Identifier: Apache-2.0
// L6: generating text or ids behind what a sequence has.
#include "pipelines/continuation.hpp"
#include "pipelines/model_state.hpp"
#include "pipelines/seen_prompt.hpp"
#include "pipelines/stops.hpp"
#include <chrono>

namespace weft::detail {

/// A continuation, perhaps of what an encoder has read, and where text is asked for what turns its ids into it.
class GenerationState {
public:
    static Result<std::unique_ptr<GenerationState>> begin(Sequence& sequence, std::span<const uint32_t> prompt,
                                                          const GenerateOptions& options) {
        return begin(sequence, {{prompt.begin(), prompt.end()}, {}}, options);
    }
    static Result<std::unique_ptr<GenerationState>> begin(Sequence& sequence, const Prompt& prompt,
                                                          const GenerateOptions& options) {
        const ModelState& model = Access::state(sequence.model());
        if (!model.tokenizer) return Error{ErrorCode::not_found, "this model has no tokenizer", {}};
        const bool anew = sequence.length() == 0 || model.encoder();
        weft_ASSIGN(SeenPrompt seen, seen_prompt(model, prompt, anew));
        if (const auto& ends = model.defaults.end_tokens; anew && seen.ids.empty() && !ends.empty())
            seen.ids.push_back(ends[0]); // texts are separated by it in training
        weft_ASSIGN(Stops stops, Stops::create(options.stop, *model.tokenizer));
        weft_ASSIGN(auto state, begin(sequence, seen, options));
        // What an encoder reads is no part of the text.
        state->text_.emplace(std::move(stops), StreamDecoder(*model.tokenizer, true,
                                                             model.encoder() ? std::span<const uint32_t>() : seen.ids));
        return state;
    }
    GenerationState(std::shared_ptr<SequenceState> sequence, size_t prompt, const GenerateOptions& options)
        : sequence_(std::move(sequence)), prompt_(uint32_t(prompt)), options_(options) {}

    Result<bool> advance(double budget_ms, const TokenFunction& on_token) {
        if (done_) return true;
        const bool feeding = !continuation_->prompt_is_fed();
        std::vector<uint32_t> tokens;
        weft_ASSIGN(done_, continuation_->advance(budget_ms, tokens));
        if (feeding && options_.progress &&
            !options_.progress({Progress::Stage::prefill, sequence_->session->length(0) - before_, prompt_}))
            return Error{ErrorCode::cancelled, "stopped", {}};
        stats_ = continuation_->stats();
        stats_.prompt_tokens = prompt_;
        stats_.prefill_ms += encode_ms_;
        stats_.first_token_ms += encode_ms_;
        stats_.new_tokens -= uint32_t(tokens.size());
        for (const uint32_t id : tokens) {
            ++stats_.new_tokens;
            if (on_token && !on_token(id)) { // what was made beyond a stop is discarded
                stats_.ended = false;
                done_ = true;
                break;
            }
        }
        return done_;
    }

    Result<bool> advance(double budget_ms, const TextFunction& on_text) {
        if (!text_)
            return Error{ErrorCode::invalid_argument, "of a generation that began with ids, advance_ids() goes on", {}};
        if (done_) return true;
        Stops& stops = text_->stops;
        const auto give = [&](const std::string& text) { return text.empty() || !on_text || on_text(text); };
        auto done =
            advance(budget_ms, TokenFunction([&](uint32_t id) {
                        return !stops.is_stop(id) && give(stops.push(text_->decoder.push(id))) && !stops.found();
                    }));
        if (!done || *done) {
            std::string rest = stops.push(text_->decoder.flush());
            rest += stops.flush();
            give(rest);
        }
        stats_.stop = stops.found().value_or("");
        return done;
    }

    const GenerateStats& stats() const { return stats_; }

private:
    static Result<std::unique_ptr<GenerationState>> begin(Sequence& sequence, const SeenPrompt& prompt,
                                                          const GenerateOptions& options) {
        auto state = std::make_unique<GenerationState>(Access::held(sequence), prompt.ids.size(), options);
        weft_TRY(state->start(prompt));
        return state;
    }

    Status start(const SeenPrompt& whole) {
        const ModelState& model = Access::state(sequence_->model);
        Session& session = *sequence_->session;
        const uint32_t first = uint32_t(model.schedule().begin_token);
        const auto begin = std::chrono::steady_clock::now();
        std::span<const uint32_t> prompt = whole.ids;
        before_ = session.length(0);
        if (model.encoder()) {
            const Feed feed{0, prompt};
            weft_TRY(session.encode({&feed, 1}));
            prompt = {&first, 1};
            before_ = session.length(0);
        } else weft_TRY(feed_pictures(session, whole, prompt));
        encode_ms_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
        weft_ASSIGN(continuation_, Continuation::begin(session, prompt, options_));
        return Ok{};
    }

    struct Text {
        Text(Stops s, StreamDecoder d) : stops(std::move(s)), decoder(std::move(d)) {}
        Stops stops;
        StreamDecoder decoder;
    };
    std::shared_ptr<SequenceState> sequence_;
    uint32_t prompt_, before_ = 0; ///< tokens: of the prompt, and of the sequence before it
    GenerateOptions options_;
    std::optional<Continuation> continuation_;
    std::optional<Text> text_;
    GenerateStats stats_;
    double encode_ms_ = 0;
    bool done_ = false;
};

} // namespace weft::detail

namespace weft {
using namespace detail;
namespace {

template <class Beginning, class Function>
Result<GenerateStats> run(Sequence& sequence, const Beginning& prompt, const GenerateOptions& options,
                          const Function& take) {
    weft_ASSIGN(const auto state, GenerationState::begin(sequence, prompt, options));
    for (bool done = false; !done;) {
        weft_ASSIGN(done, state->advance(kWithoutLimit, take));
    }
    return state->stats();
}

} // namespace

Result<GenerateStats> generate(Sequence& sequence, const Prompt& prompt, const GenerateOptions& options,
                               const TextFunction& on_text) try {
    return run(sequence, prompt, options, on_text);
}
weft_CATCH

Result<GenerateStats> generate_ids(Sequence& sequence, std::span<const uint32_t> prompt, const GenerateOptions& options,
                                   const TokenFunction& on_token) try {
    return run(sequence, prompt, options, on_token);
}
weft_CATCH

Generation::Generation(std::unique_ptr<GenerationState> state) : state_(std::move(state)) {}
Generation::Generation(Generation&&) noexcept = default;
Generation& Generation::operator=(Generation&&) noexcept = default;
Generation::~Generation() = default;

Result<Generation> Generation::begin(Sequence& sequence, const Prompt& prompt, const GenerateOptions& options) try {
    weft_ASSIGN(auto state, GenerationState::begin(sequence, prompt, options));
    return Generation(std::move(state));
}
weft_CATCH

Result<Generation> Generation::begin_ids(Sequence& sequence, std::span<const uint32_t> prompt,
                                         const GenerateOptions& options) try {
    weft_ASSIGN(auto state, GenerationState::begin(sequence, prompt, options));
    return Generation(std::move(state));
}
weft_CATCH

Result<bool> Generation::advance(double budget_ms, const TextFunction& on_text) try {
    return state_->advance(budget_ms, on_text);
}
weft_CATCH

Result<bool> Generation::advance_ids(double budget_ms, const TokenFunction& on_token) try {
    return state_->advance(budget_ms, on_token);
}
weft_CATCH

const GenerateStats& Generation::stats() const { return state_->stats(); }

} // namespace weft
