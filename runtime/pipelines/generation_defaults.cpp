// SPDX-License-Identifier: Apache-2.0
#include "pipelines/generation_defaults.hpp"
#include <algorithm>
#include <limits>

namespace weft::detail {
namespace {

constexpr uint64_t kNoToken = 0xffffffffu;

// `eos_token_id`: an id, a list of them, or null.
Status add_ends(std::vector<uint32_t>& ends, const Json& json, const std::string& origin) {
    if (!json.is_object() || !json.contains("eos_token_id")) return Ok{};
    const Json& given = json["eos_token_id"];
    const auto take = [&](const Json& id) {
        if (id.is_number_integer() && id.get<int64_t>() == -1) return true; // some configs' word for none
        if (!id.is_number_unsigned() || id.get<uint64_t>() >= kNoToken) return id.is_null();
        add_end(ends, id.get<uint32_t>());
        return true;
    };
    bool ok = given.is_array() || take(given);
    if (given.is_array())
        for (const Json& id : given) ok &= take(id);
    if (!ok)
        return Error{ErrorCode::malformed, origin + ": key 'eos_token_id' must be a token id or a list of them", {}};
    return Ok{};
}

// tokenizer_config.json names its end by its text.
Status add_named_end(std::vector<uint32_t>& ends, const ModelFiles& files, const Tokenizer& tokenizer) {
    const auto path = files.tokenizer_config();
    if (!path) return Ok{};
    weft_ASSIGN(const std::string text, read_file(*path));
    weft_ASSIGN(const Json json, parse_json(text, path->string()));
    if (!json.is_object() || !json.contains("eos_token")) return Ok{};
    const Json* token = &json["eos_token"];
    if (token->is_object() && token->contains("content")) token = &(*token)["content"];
    if (!token->is_string()) return Ok{};
    if (const auto id = tokenizer.id_of(token->get_ref<const std::string&>())) add_end(ends, *id);
    return Ok{};
}

Result<std::vector<std::string>> stop_strings(const Json& json, const std::string& origin) {
    std::vector<std::string> stop;
    const auto given = json.find("stop_strings");
    if (given == json.end() || given->is_null()) return stop;
    const auto take = [&](const Json& text) {
        const bool ok = text.is_string() && !text.get_ref<const std::string&>().empty();
        if (ok) stop.push_back(text.get<std::string>());
        return ok;
    };
    bool ok = given->is_array() || take(*given);
    if (given->is_array())
        for (const Json& text : *given) ok &= take(text);
    if (!ok)
        return Error{ErrorCode::malformed,
                     origin + ": key 'stop_strings' must be text or a list of texts, none of them empty",
                     {}};
    return stop;
}

// What transformers takes into account in making text and weft does not; the number that does nothing, if one does, and
// whether only sampling looks at it.
struct Unknown {
    const char* key;
    double neutral = std::numeric_limits<double>::quiet_NaN();
    bool sampling = false;
};
constexpr Unknown kUnknown[] = {{"num_beams", 1},
                                {"num_return_sequences", 1},
                                {"penalty_alpha", 0},
                                {"guidance_scale", 1},
                                {"encoder_repetition_penalty", 1},
                                {"encoder_no_repeat_ngram_size", 0},
                                {"min_length", 0},
                                {"min_new_tokens", 0},
                                {"typical_p", 1, true},
                                {"epsilon_cutoff", 0, true},
                                {"eta_cutoff", 0, true},
                                {.key = "top_h", .sampling = true},
                                {"max_time"},
                                {"bad_words_ids"},
                                {"sequence_bias"},
                                {"suppress_tokens"},
                                {"begin_suppress_tokens"},
                                {"constraints"},
                                {"force_words_ids"},
                                {"forced_decoder_ids"},
                                {"forced_bos_token_id"},
                                {"forced_eos_token_id"},
                                {"exponential_decay_length_penalty"},
                                {"watermarking_config"},
                                {"dola_layers"},
                                {"token_healing"}};

Status refuse_unknown(const JsonObject& c, bool sample) {
    for (const Unknown& u : kUnknown) {
        if (!c.has(u.key) || (u.sampling && !sample)) continue;
        const Json& value = c.json()[u.key];
        if (value == false || value == u.neutral || (value.is_structured() && value.empty())) continue;
        return Error{ErrorCode::unsupported,
                     c.origin() + ": key '" + u.key + "' is " +
                         value.dump(-1, ' ', false, Json::error_handler_t::replace) +
                         ", and weft cannot make text so; it makes the usual text where the key is not there",
                     {}};
    }
    return Ok{};
}

// As transformers takes it: what only sampling looks at counts for nothing where the model does not sample.
Status read_config(const Json& json, const std::string& origin, GenerationDefaults& d) {
    constexpr double kMost = std::numeric_limits<float>::max(), kLeast = std::numeric_limits<float>::min();
    const JsonObject c(json, origin);
    weft_ASSIGN(const bool sample, c.boolean_or("do_sample", false));
    const auto read = [&](const char* key, float& to, bool counts, double least, double most,
                          const char* rule) -> Status {
        if (!c.has(key)) return Ok{};
        const auto value = c.number(key);
        const bool good = value && *value >= least && *value <= most;
        if (good) to = float(*value);
        if (good || !counts) return Ok{};
        return value ? c.bad(key, rule) : value.error();
    };
    const auto count = [&](const char* key, uint32_t& to, bool counts, const char* rule) -> Status {
        const auto value = c.integer_or(key, to);
        const bool good = value && *value >= 0;
        if (good) to = uint32_t(std::min<int64_t>(*value, INT32_MAX));
        if (good || !counts) return Ok{};
        return value ? c.bad(key, rule) : value.error();
    };
    SamplingOptions& s = d.sampling;
    s.greedy = !sample;
    weft_TRY(read("temperature", s.temperature, sample, 0, kMost, "must be 0 or more where do_sample is true"));
    weft_TRY(read("top_p", s.top_p, sample, 0, kMost, "must be 0 or more where do_sample is true"));
    s.top_p = std::min(s.top_p, 1.0f); // more than all is all
    weft_TRY(read("min_p", s.min_p, sample, 0, 1, "must be between 0 and 1 where do_sample is true"));
    weft_TRY(count("top_k", s.top_k, sample, "must be 0 (off) or more where do_sample is true"));
    weft_TRY(read("repetition_penalty", s.repeat_penalty, true, kLeast, kMost, "must be above 0"));
    weft_TRY(count("no_repeat_ngram_size", s.no_repeat_ngram, true, "must be 0 (off) or more"));
    if (c.has("max_new_tokens")) {
        weft_ASSIGN(d.max_tokens, c.count("max_new_tokens"));
    } else if (c.has("max_length")) {
        weft_ASSIGN(d.max_length, c.count("max_length"));
    }
    weft_ASSIGN(d.stop, stop_strings(json, origin));
    return refuse_unknown(c, sample);
}

// As llama.cpp takes it: what is beyond a range turns a filter off or as far as it goes.
Status read_gguf(const GgufMetadata& m, GenerationDefaults& d) {
    for (const char* key :
         {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
        weft_ASSIGN(const int64_t id, m.integer_or(key, -1));
        if (id >= 0 && uint64_t(id) < kNoToken) add_end(d.end_tokens, uint32_t(id));
    }
    constexpr const char* kPenalty = "general.sampling.penalty_repeat";
    constexpr double kMost = std::numeric_limits<float>::max();
    weft_ASSIGN(const double temperature, m.number_or("general.sampling.temp", 1));
    weft_ASSIGN(const int64_t top_k, m.integer_or("general.sampling.top_k", 0));
    weft_ASSIGN(const double top_p, m.number_or("general.sampling.top_p", 1));
    weft_ASSIGN(const double min_p, m.number_or("general.sampling.min_p", 0));
    weft_ASSIGN(const double penalty, m.number_or(kPenalty, 1));
    if (!(penalty > 0)) return m.bad(kPenalty, "must be above 0");
    d.sampling.temperature = float(std::clamp(temperature, 0.0, kMost));
    d.sampling.top_k = uint32_t(std::clamp<int64_t>(top_k, 0, INT32_MAX));
    d.sampling.top_p = float(std::clamp(top_p, 0.0, 1.0));
    d.sampling.min_p = float(std::clamp(min_p, 0.0, 1.0));
    d.sampling.repeat_penalty = float(std::clamp(penalty, double(std::numeric_limits<float>::min()), kMost));
    return Ok{};
}

} // namespace

void add_end(std::vector<uint32_t>& ends, uint32_t id) {
    if (std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
}

void add_turn_ends(std::vector<uint32_t>& ends, const Tokenizer& tokenizer) {
    const bool channels = tokenizer.id_of("<|return|>").has_value(); // gpt-oss: <|end|> ends only a part of an answer
    for (const char* text :
         {"<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<end_of_turn>", channels ? "<|return|>" : "<|end|>", "<|call|>",
          "<|endoftext|>", "<|end_of_text|>", "<end_of_utterance>",
          "<\xef\xbd\x9c"
          "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>"})
        if (const auto id = tokenizer.id_of(text); id && tokenizer.is_special(*id)) add_end(ends, *id);
}

Result<GenerationDefaults> read_generation_defaults(const ModelFiles& files, const Tokenizer* tokenizer) {
    GenerationDefaults d;
    if (const GgufMetadata* metadata = files.gguf()) {
        weft_TRY(read_gguf(*metadata, d));
        if (tokenizer) add_turn_ends(d.end_tokens, *tokenizer); // one key for it, which older converters do not write
    }
    if (const auto& json = files.generation_config()) {
        weft_TRY(read_config(*json, files.generation_config_origin(), d));
        weft_TRY(add_ends(d.end_tokens, *json, files.generation_config_origin()));
    }
    if (const auto& json = files.config()) {
        weft_TRY(add_ends(d.end_tokens, *json, files.config_origin()));
        if (json->contains("text_config"))
            weft_TRY(add_ends(d.end_tokens, (*json)["text_config"], files.config_origin() + ": key 'text_config'"));
    }
    if (tokenizer) weft_TRY(add_named_end(d.end_tokens, files, *tokenizer));
    return d;
}

} // namespace weft::detail
