// SPDX-License-Identifier: Apache-2.0
#include "text/gguf_vocabulary_writer.hpp"
#include <map>

namespace weft {
namespace {

enum TokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

// What llama.cpp calls the patterns that byte-level tokenizers split by.
struct Pre {
    const char *name, *pattern;
};
constexpr Pre kPre[] = {
    {"llama-bpe", R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"qwen2", R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"gpt-4o", R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"gpt-2", R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"}};

struct Vocabulary {
    std::vector<std::string> tokens;
    std::vector<int32_t> types;
    std::map<std::string, int64_t> ids;
};

bool is_byte(const std::string& token) { return token.size() == 6 && token.starts_with("<0x") && token.ends_with('>'); }

// Parts of a normalizer, pre-tokenizer or processor: itself, or those of a sequence.
std::vector<const Json*> parts_of(const Json& part, const char* list) {
    std::vector<const Json*> parts;
    if (!part.is_object()) return parts;
    if (part.contains(list) && part[list].is_array())
        for (const Json& p : part[list]) parts.push_back(&p);
    else parts.push_back(&part);
    return parts;
}

std::string kind_of(const Json& part) { return part.is_object() && part.contains("type") && part["type"].is_string() ? part["type"].get<std::string>() : ""; }

// The name of the pattern; "default" for one that is not known: readers then take a usual one and say so.
std::string pre_of(const Json& tokenizer) {
    if (!tokenizer.contains("pre_tokenizer")) return "default";
    for (const Json* part : parts_of(tokenizer["pre_tokenizer"], "pretokenizers")) {
        if (kind_of(*part) == "Split" && part->contains("pattern") && (*part)["pattern"].is_object() && (*part)["pattern"].contains("Regex"))
            for (const Pre& pre : kPre)
                if ((*part)["pattern"]["Regex"] == pre.pattern) return pre.name;
        if (kind_of(*part) == "ByteLevel" && part->value("use_regex", true)) return "gpt-2";
    }
    return "default";
}

Result<Vocabulary> read(const JsonObject& model, const JsonObject& tokenizer, uint32_t size) {
    Vocabulary v;
    for (uint32_t i = 0; i < size; ++i) v.tokens.push_back("[PAD" + std::to_string(i) + "]");
    v.types.assign(size, kUnused);
    const auto put = [&](const std::string& token, const Json& id, int32_t type) {
        if (!id.is_number_integer() || id < 0 || id >= size) return false;
        const auto i = id.get<size_t>();
        v.tokens[i] = token, v.types[i] = type, v.ids[token] = int64_t(i);
        return true;
    };
    weft_ASSIGN(const JsonObject words, model.object("vocab"));
    for (const auto& [token, id] : words.json().items())
        if (!put(token, id, is_byte(token) ? kByte : kNormal)) return words.bad(token, "must be an id below the " + std::to_string(size) + " rows of the embedding");
    if (tokenizer.json().contains("added_tokens") && tokenizer.json()["added_tokens"].is_array())
        for (const Json& added : tokenizer.json()["added_tokens"])
            if (added.is_object() && added.contains("content") && added["content"].is_string() && added.contains("id")) put(added["content"].get<std::string>(), added["id"], added.value("special", false) ? kControl : kUserDefined);
    return v;
}

// "a b", or ["a", "b"].
Result<std::vector<std::string>> merges_of(const JsonObject& model) {
    std::vector<std::string> merges;
    if (!model.json().contains("merges") || !model.json()["merges"].is_array()) return model.bad("merges", "must be an array");
    for (const Json& m : model.json()["merges"]) {
        if (m.is_string()) merges.push_back(m.get<std::string>());
        else if (m.is_array() && m.size() == 2 && m[0].is_string() && m[1].is_string()) merges.push_back(m[0].get<std::string>() + " " + m[1].get<std::string>());
        else return model.bad("merges", "must hold pairs of tokens");
    }
    return merges;
}

// An id that the configs give as a number, or tokenizer_config.json as a token.
std::optional<int64_t> special(const ModelFiles& files, const Json& tokenizer_config, const Vocabulary& v, const std::string& name) {
    const std::string token = name + "_token";
    if (tokenizer_config.contains(token)) {
        const Json& t = tokenizer_config[token];
        const std::string text = t.is_string() ? t.get<std::string>() : t.is_object() && t.contains("content") && t["content"].is_string() ? t["content"].get<std::string>() : "";
        if (const auto at = v.ids.find(text); at != v.ids.end()) return at->second;
    }
    for (const auto* config : {&files.config(), &files.generation_config()})
        if (*config && (*config)->contains(token + "_id")) {
            const Json& id = (**config)[token + "_id"];
            const Json& first = id.is_array() && !id.empty() ? id[0] : id;
            if (first.is_number_integer() && first >= 0 && first < v.tokens.size()) return first.get<int64_t>();
        }
    return std::nullopt;
}

// Whether the tokenizer itself puts a beginning token in front.
bool adds_begin(const Json& tokenizer, const Json& tokenizer_config) {
    if (tokenizer_config.contains("add_bos_token") && tokenizer_config["add_bos_token"].is_boolean()) return tokenizer_config["add_bos_token"].get<bool>();
    if (tokenizer.contains("post_processor"))
        for (const Json* part : parts_of(tokenizer["post_processor"], "processors"))
            if (kind_of(*part) == "TemplateProcessing" && part->contains("single") && (*part)["single"].is_array() && !(*part)["single"].empty()) return (*part)["single"][0].contains("SpecialToken");
    return false;
}

Result<Json> read_json(const std::optional<std::filesystem::path>& path) {
    if (!path) return Json::object();
    weft_ASSIGN(const std::string text, read_file(*path));
    return parse_json(text, path->string());
}

} // namespace

Result<std::string> write_gguf_vocabulary(const ModelFiles& files, uint32_t vocabulary, GgufWriter& w) {
    if (!files.tokenizer()) return std::string();
    weft_ASSIGN(const Json json, read_json(files.tokenizer()));
    weft_ASSIGN(const Json tokenizer_config, read_json(files.tokenizer_config()));
    const JsonObject tokenizer(json, files.tokenizer()->string());
    weft_ASSIGN(const JsonObject model, tokenizer.object("model"));
    weft_ASSIGN(const std::string type, model.string_or("type", "BPE"));
    if (type != "BPE") return std::string();
    weft_ASSIGN(const bool bytes, model.boolean_or("byte_fallback", false));
    weft_ASSIGN(Vocabulary v, read(model, tokenizer, vocabulary));
    weft_ASSIGN(const auto merges, merges_of(model));
    const std::string kind = bytes ? "llama" : "gpt2";
    w.string("tokenizer.ggml.model", kind);
    w.string("tokenizer.ggml.pre", bytes ? "default" : pre_of(json));
    w.strings("tokenizer.ggml.tokens", v.tokens);
    if (bytes) {
        // SentencePiece joins the pair whose token has the best score: the earlier a merge, the better.
        std::vector<float> scores(v.tokens.size(), -1e6f);
        for (size_t rank = merges.size(); rank-- > 0;) {
            std::string joined = merges[rank];
            joined.erase(joined.find(' '), 1);
            if (const auto at = v.ids.find(joined); at != v.ids.end()) scores[size_t(at->second)] = -float(rank) - 1;
        }
        for (size_t i = 0; i < v.types.size(); ++i)
            if (v.types[i] == kByte || v.types[i] == kControl) scores[i] = 0;
        if (const auto unknown = model.string_or("unk_token", ""); unknown && v.ids.count(*unknown)) v.types[size_t(v.ids[*unknown])] = kUnknown;
        w.f32s("tokenizer.ggml.scores", scores);
    }
    w.i32s("tokenizer.ggml.token_type", v.types);
    if (!bytes) w.strings("tokenizer.ggml.merges", merges);
    for (const auto& [name, key] : {std::pair{"bos", "bos"}, {"eos", "eos"}, {"unk", "unknown"}, {"pad", "padding"}})
        if (const auto id = special(files, tokenizer_config, v, name)) w.u32(std::string("tokenizer.ggml.") + key + "_token_id", uint32_t(*id));
    w.boolean("tokenizer.ggml.add_bos_token", adds_begin(json, tokenizer_config));
    if (bytes) {
        bool prefix = false;
        for (const char* stage : {"normalizer", "pre_tokenizer"})
            if (json.contains(stage))
                for (const Json* part : parts_of(json[stage], stage[0] == 'n' ? "normalizers" : "pretokenizers")) prefix |= kind_of(*part) == "Prepend" || (kind_of(*part) == "Metaspace" && part->value("prepend_scheme", "always") != "never");
        w.boolean("tokenizer.ggml.add_space_prefix", prefix);
    }
    if (const auto path = files.file("chat_template.jinja")) {
        weft_ASSIGN(const std::string text, read_file(*path));
        w.string("tokenizer.chat_template", text);
    } else if (tokenizer_config.contains("chat_template") && tokenizer_config["chat_template"].is_string()) w.string("tokenizer.chat_template", tokenizer_config["chat_template"].get<std::string>());
    return kind;
}

} // namespace weft
