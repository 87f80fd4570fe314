// SPDX-License-Identifier: Apache-2.0
#include "pipelines/continuation.hpp"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace weft::detail {
namespace {

using Clock = std::chrono::steady_clock;
double ms_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

} // namespace

Result<kernel::SamplerRow> sampler_row(const SamplingOptions& s, bool stops) {
    const auto bad = [](const std::string& what) { return Error{ErrorCode::invalid_argument, what, {}}; };
    if (!(s.temperature >= 0 && std::isfinite(s.temperature))) return bad("temperature must be finite and 0 or more");
    if (!(s.top_p >= 0 && s.top_p <= 1)) return bad("top-p must be between 0 and 1");
    if (!(s.min_p >= 0 && s.min_p <= 1)) return bad("min-p must be between 0 and 1");
    if (!(s.repeat_penalty > 0 && std::isfinite(s.repeat_penalty)))
        return bad("the repeat penalty must be finite and above 0");
    kernel::SamplerRow row;
    row.temperature = s.temperature;
    row.top_k = s.top_k;
    row.top_p = std::max(s.top_p, std::numeric_limits<float>::min()); // any share keeps the likeliest
    row.min_p = s.min_p;
    row.repeat_penalty = s.repeat_penalty;
    row.no_repeat_ngram = s.no_repeat_ngram;
    row.seed_low = uint32_t(s.seed);
    row.seed_high = uint32_t(s.seed >> 32);
    row.flags = (s.greedy ? kernel::SamplerRow::kGreedy : 0) | (stops ? kernel::SamplerRow::kStops : 0);
    return row;
}

Result<Continuation> Continuation::begin(Session& session, std::span<const uint32_t> prompt,
                                         const GenerateOptions& options) {
    if (prompt.empty()) return Error{ErrorCode::invalid_argument, "the prompt has no tokens", {}};
    const size_t length = session.length(0) + prompt.size();
    if (options.max_length && length >= options.max_length)
        return Error{ErrorCode::invalid_argument,
                     "the prompt has " + std::to_string(length) +
                         " tokens, and GenerateOptions::max_length, of prompt "
                         "and new tokens together, is " +
                         std::to_string(options.max_length),
                     {"generation_config.json may give it as 'max_length'; -n of the command line has no such limit"}};
    const auto start = Clock::now();
    Continuation g(session, options);
    if (options.max_length)
        g.options_.max_tokens = uint32_t(std::min<size_t>(options.max_tokens, options.max_length - length));
    weft_ASSIGN(const kernel::SamplerRow row, sampler_row(options.sampling, !options.ignore_end));
    session.set_sampler(0, row);
    const auto build = [&](size_t done, size_t total) {
        return !options.progress || options.progress({Progress::Stage::pipelines, done, total});
    };
    weft_TRY(session.prepare(uint32_t(std::min<size_t>(prompt.size(), session.options().max_chunk)), build));
    const Feed feed{0, prompt, 0};
    weft_TRY(session.begin({&feed, 1}, Want::last));
    g.stats_.prompt_tokens = uint32_t(prompt.size());
    g.stats_.prefill_ms = ms_since(start);
    return g;
}

Error Continuation::not_finite() const {
    return {ErrorCode::not_finite,
            "the logits behind token " + std::to_string(session_->length(0)) +
                " of the sequence are not finite: new token " + std::to_string(stats_.new_tokens + 1) +
                " cannot be chosen",
            {"a weight of the model may be NaN or far too large, or its numbers overflow"}};
}

// Takes a sampled token; true to go on.
bool Continuation::take(uint32_t id, std::vector<uint32_t>& tokens) {
    if (id == kernel::kNoToken) return true;
    const auto& ends = session_->options().end_tokens;
    if (!options_.ignore_end && std::find(ends.begin(), ends.end(), id) != ends.end()) {
        stats_.ended = true;
        return false;
    }
    tokens.push_back(id);
    return ++stats_.new_tokens < options_.max_tokens;
}

Result<bool> Continuation::advance(double budget_ms, std::vector<uint32_t>& tokens) {
    const auto start = Clock::now();
    if (!fed_) {
        weft_ASSIGN(fed_, session_->advance(std::min(budget_ms, session_->options().longest_submission_ms)));
        stats_.prefill_ms += ms_since(start);
        stats_.first_token_ms = stats_.prefill_ms;
        if (!fed_) return false;
        return options_.max_tokens == 0 || !take(session_->next_token(0), tokens);
    }
    if (session_->next_token(0) == kernel::kNoToken) return not_finite();
    const uint32_t room = session_->options().context - session_->length(0);
    if (room == 0) return true;
    uint32_t steps = std::min({std::max(1u, options_.steps_per_wait), room, options_.max_tokens - stats_.new_tokens});
    if (decoded_ > 0) steps = std::min(steps, uint32_t(std::clamp(budget_ms * decoded_ / stats_.decode_ms, 1.0, 1e6)));
    const double waited = session_->device_wait_ms();
    const uint32_t slot = 0, next = session_->next_token(0);
    weft_TRY(session_->decode({&slot, 1}, steps, sampled_));
    const auto& made = sampled_[0];
    own_.push_back(next);
    own_.insert(own_.end(), made.begin(), made.end() - 1);
    decoded_ += uint32_t(made.size());
    bool going = true;
    for (size_t i = 0; i < made.size() && going; ++i) going = take(made[i], tokens);
    stats_.decode_ms += ms_since(start);
    waited_ms_ += session_->device_wait_ms() - waited;
    stats_.host_us_per_token = (stats_.decode_ms - waited_ms_) * 1000 / decoded_;
    return !going;
}

} // namespace weft::detail
