// SPDX-License-Identifier: Apache-2.0
#include "pipelines/generation_defaults.hpp"
#include <algorithm>

namespace weft {
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

Status read_config(const Json& json, const std::string& origin, GenerationDefaults& d) {
    const JsonObject c(json, origin);
    weft_ASSIGN(const bool sample, c.boolean_or("do_sample", false));
    weft_ASSIGN(const double temperature, c.number_or("temperature", 1));
    weft_ASSIGN(const int64_t top_k, c.integer_or("top_k", 0));
    weft_ASSIGN(const double top_p, c.number_or("top_p", 1));
    weft_ASSIGN(const double min_p, c.number_or("min_p", 0));
    weft_ASSIGN(const double penalty, c.number_or("repetition_penalty", 1));
    weft_ASSIGN(const int64_t most, c.integer_or("max_new_tokens", 0));
    weft_ASSIGN(d.stop, stop_strings(json, origin));
    d.sampling.greedy = !sample;
    d.sampling.temperature = float(temperature);
    d.sampling.top_k = uint32_t(std::clamp<int64_t>(top_k, 0, INT32_MAX));
    d.sampling.top_p = float(top_p);
    d.sampling.min_p = float(min_p);
    d.sampling.repeat_penalty = float(penalty);
    if (most > 0) d.max_tokens = uint32_t(std::min<int64_t>(most, INT32_MAX));
    return Ok{};
}

Status read_gguf(const GgufMetadata& m, GenerationDefaults& d) {
    for (const char* key :
         {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
        weft_ASSIGN(const int64_t id, m.integer_or(key, -1));
        if (id >= 0 && uint64_t(id) < kNoToken) add_end(d.end_tokens, uint32_t(id));
    }
    weft_ASSIGN(const double temperature, m.number_or("general.sampling.temp", 1));
    weft_ASSIGN(const int64_t top_k, m.integer_or("general.sampling.top_k", 0));
    weft_ASSIGN(const double top_p, m.number_or("general.sampling.top_p", 1));
    weft_ASSIGN(const double min_p, m.number_or("general.sampling.min_p", 0));
    weft_ASSIGN(const double penalty, m.number_or("general.sampling.penalty_repeat", 1));
    d.sampling.temperature = float(temperature);
    d.sampling.top_k = uint32_t(std::clamp<int64_t>(top_k, 0, INT32_MAX));
    d.sampling.top_p = float(top_p);
    d.sampling.min_p = float(min_p);
    d.sampling.repeat_penalty = float(penalty);
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

} // namespace weft
