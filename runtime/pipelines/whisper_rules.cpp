// SPDX-License-Identifier: Apache-2.0
#include "pipelines/whisper_rules.hpp"
#include <algorithm>
#include <cmath>
#include <limits>
#include <zlib.h>

namespace weft::detail {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

void forbid(std::span<float> logits, size_t from, size_t to) {
    to = std::min(to, logits.size());
    if (from < to) std::fill(logits.begin() + long(from), logits.begin() + long(to), kNever);
}

// Reads ids that must be in the vocabulary.
class Ids {
public:
    Ids(const JsonObject& config, uint32_t vocabulary) : config_(config), vocabulary_(vocabulary) {}

    Status read(const char* key, uint32_t& to) const {
        if (!config_.has(key)) return Ok{};
        weft_ASSIGN(const int64_t id, config_.integer(key));
        if (id < 0 || id >= vocabulary_) return config_.bad(key, rule());
        to = uint32_t(id);
        return Ok{};
    }
    Status read(const char* key, std::vector<uint32_t>& to) const {
        if (!config_.has(key)) return Ok{};
        weft_ASSIGN(const auto ids, config_.numbers(key));
        for (const double id : ids) {
            if (!(id >= 0 && id < vocabulary_)) return config_.bad(key, rule());
            to.push_back(uint32_t(id));
        }
        return Ok{};
    }
    /// An object of names and ids.
    Status read(const char* key, std::map<std::string, uint32_t>& to) const {
        if (!config_.has(key)) return Ok{};
        weft_ASSIGN(const JsonObject named, config_.object(key));
        const Ids ids(named, vocabulary_);
        for (const auto& [name, value] : named.json().items()) weft_TRY(ids.read(name.c_str(), to[name]));
        return Ok{};
    }

private:
    std::string rule() const { return "must be below the vocabulary's " + std::to_string(vocabulary_); }
    const JsonObject& config_;
    uint32_t vocabulary_;
};

Status read_config(const JsonObject& c, uint32_t vocabulary, WhisperRules& r) {
    const Ids ids(c, vocabulary);
    weft_TRY(ids.read("decoder_start_token_id", r.start));
    weft_TRY(ids.read("eos_token_id", r.end));
    weft_TRY(ids.read("prev_sot_token_id", r.previous));
    weft_TRY(ids.read("no_timestamps_token_id", r.no_timestamps));
    weft_TRY(ids.read("suppress_tokens", r.suppressed));
    weft_TRY(ids.read("begin_suppress_tokens", r.suppressed_first));
    if (c.has("max_initial_timestamp_index")) {
        weft_ASSIGN(const int64_t latest, c.integer("max_initial_timestamp_index"));
        if (latest < 0 || latest >= vocabulary)
            return c.bad("max_initial_timestamp_index", "must be a number of steps");
        r.latest_first = uint32_t(latest);
    }
    std::map<std::string, uint32_t> languages, tasks;
    weft_TRY(ids.read("lang_to_id", languages));
    for (const auto& [name, id] : languages) { // "<|en|>"
        const bool marked = name.size() > 4 && name.starts_with("<|") && name.ends_with("|>");
        r.languages[marked ? name.substr(2, name.size() - 4) : name] = id;
    }
    weft_TRY(ids.read("task_to_id", tasks));
    if (const auto task = tasks.find("transcribe"); task != tasks.end()) r.transcribe = task->second;
    if (const auto task = tasks.find("translate"); task != tasks.end()) r.translate = task->second;
    return Ok{};
}

} // namespace

void WhisperRules::apply(std::span<float> logits, std::span<const uint32_t> made, bool times) const {
    const auto forbid_all = [&](const std::vector<uint32_t>& ids) {
        for (const uint32_t id : ids) forbid(logits, id, id + 1);
    };
    if (made.empty()) forbid_all(suppressed_first);
    forbid_all(suppressed);
    if (!times) return;
    const uint32_t zero = time_zero();
    forbid(logits, no_timestamps, zero);
    const bool last = !made.empty() && is_time(made.back()), before = made.size() < 2 || is_time(made[made.size() - 2]);
    if (last && before) forbid(logits, zero, logits.size()); // the pair is complete: text
    else if (last) forbid(logits, 0, end);                   // its second time, or the end
    const auto latest = std::ranges::find_if(made.rbegin(), made.rend(), [&](uint32_t id) { return is_time(id); });
    if (latest != made.rend()) forbid(logits, zero, last && !before ? *latest : *latest + 1);
    if (made.empty()) {
        forbid(logits, 0, zero);
        if (latest_first != kNone) forbid(logits, size_t(zero) + latest_first + 1, logits.size());
    }
    const auto text = std::span<const float>(logits).first(std::min<size_t>(zero, logits.size()));
    const float likeliest = text.empty() ? kNever : *std::ranges::max_element(text);
    if (log_sum(std::span<const float>(logits).subspan(text.size())) > double(likeliest)) forbid(logits, 0, zero);
}

Result<WhisperRules> read_whisper_rules(const ModelFiles& files, const Tokenizer& tokenizer, uint32_t vocabulary) {
    WhisperRules r;
    const auto known = [&](const char* token, uint32_t& id) {
        if (const auto found = tokenizer.id_of(token); found && *found < vocabulary) id = *found;
    };
    known("<|startoftranscript|>", r.start);
    known("<|endoftext|>", r.end);
    known("<|startofprev|>", r.previous);
    known("<|notimestamps|>", r.no_timestamps);
    if (files.config()) weft_TRY(read_config(JsonObject(*files.config(), files.config_origin()), vocabulary, r));
    if (files.generation_config())
        weft_TRY(read_config(JsonObject(*files.generation_config(), files.generation_config_origin()), vocabulary, r));
    return r;
}

Segments cut_segments(const WhisperRules& rules, std::span<const uint32_t> tokens, uint32_t window) {
    const auto time_at = [&](size_t i) { return tokens[i] - rules.time_zero(); };
    std::vector<size_t> ends; // behind the first of two times side by side
    for (size_t i = 1; i < tokens.size(); ++i)
        if (rules.is_time(tokens[i - 1]) && rules.is_time(tokens[i])) ends.push_back(i);
    const size_t count = tokens.size();
    const bool lone = count >= 2 && !rules.is_time(tokens[count - 2]) && rules.is_time(tokens[count - 1]);
    Segments s;
    s.advance = window;
    if (ends.empty()) { // all of it is one
        uint32_t end = window;
        for (size_t i = 0; i < count; ++i)
            if (rules.is_time(tokens[i])) end = time_at(i) ? time_at(i) : window;
        s.all.push_back({0, count, 0, end});
        return s;
    }
    if (lone) ends.push_back(count);
    else if (time_at(ends.back() - 1) > 0) s.advance = time_at(ends.back() - 1);
    size_t first = 0;
    for (const size_t last : ends) {
        s.all.push_back({first, last, rules.is_time(tokens[first]) ? time_at(first) : 0, time_at(last - 1)});
        first = last;
    }
    return s;
}

double log_sum(std::span<const float> logits) {
    const float most = logits.empty() ? kNever : *std::ranges::max_element(logits);
    if (most == kNever) return most;
    double sum = 0;
    for (const float x : logits) sum += std::exp(double(x) - double(most));
    return double(most) + std::log(sum);
}

double compression_ratio(const std::string& text) {
    uLongf size = compressBound(uLong(text.size()));
    std::vector<Bytef> packed(size);
    compress(packed.data(), &size, reinterpret_cast<const Bytef*>(text.data()), uLong(text.size()));
    return double(text.size()) / double(size);
}

} // namespace weft::detail
