// SPDX-License-Identifier: Apache-2.0
// Where a model keeps its chat templates and the names of its special tokens.
#include "base/file.hpp"
#include "base/json.hpp"
#include "io/gguf.hpp"
#include "text/chat/chat_template.hpp"
#include <algorithm>

namespace weft {
using namespace detail;
namespace {

namespace fs = std::filesystem;

constexpr size_t kLargestFile = size_t(128) << 20;

Result<Json> read_object(const fs::path& path) {
    weft_ASSIGN(const std::string text, read_file(path, kLargestFile));
    weft_ASSIGN(Json json, parse_json(text, path.string()));
    if (!json.is_object()) return Error{ErrorCode::malformed, path.string() + ": must be an object", {}};
    return json;
}

// A token as text, or as an added token: {"content": "<s>", ...}.
const std::string* token_text(const Json& value) {
    const Json* text = &value;
    if (value.is_object()) {
        const auto it = value.find("content");
        if (it == value.end()) return nullptr;
        text = &*it;
    }
    return text->is_string() ? &text->get_ref<const std::string&>() : nullptr;
}

// What was found first stays.
void add_token(SpecialTokens& tokens, const std::string& name, const Json& value) {
    const std::string* text = token_text(value);
    const bool known =
        std::any_of(tokens.begin(), tokens.end(), [&](const auto& token) { return token.first == name; });
    if (text && !known) tokens.emplace_back(name, *text);
}

void add_tokens(SpecialTokens& tokens, const Json& file) {
    for (const auto& [key, value] : file.items())
        if (key.ends_with("_token")) add_token(tokens, key, value);
    const auto extra = file.find("extra_special_tokens");
    if (extra == file.end() || !extra->is_object()) return;
    for (const auto& [key, value] : extra->items()) add_token(tokens, key, value);
}

// tokenizer_config.json and chat_template.json: one template as text, or several as {"name", "template"}.
Status add_from_config(ChatTemplateState& state, const Json& file, const std::string& origin) {
    const auto given = file.find("chat_template");
    if (given == file.end() || given->is_null()) return Ok{};
    const auto add = [&](const std::string& name, const std::string& source) {
        if (!state.templates.contains(name))
            state.add(name, source, origin + ": chat_template" + (name == "default" ? "" : " '" + name + "'"));
    };
    const Error wrong{
        ErrorCode::malformed, origin + ": key 'chat_template' must be text or a list of {name, template}", {}};
    if (given->is_string()) {
        add("default", given->get_ref<const std::string&>());
        return Ok{};
    }
    if (given->is_object()) {
        for (const auto& [name, source] : given->items()) {
            if (!source.is_string()) return wrong;
            add(name, source.get_ref<const std::string&>());
        }
        return Ok{};
    }
    if (!given->is_array()) return wrong;
    for (const Json& one : *given) {
        const bool is_pair = one.is_object() && one.contains("name") && one["name"].is_string() &&
                             one.contains("template") && one["template"].is_string();
        if (!is_pair) return wrong;
        add(one["name"].get_ref<const std::string&>(), one["template"].get_ref<const std::string&>());
    }
    return Ok{};
}

Status add_file(ChatTemplateState& state, const std::string& name, const fs::path& path) {
    weft_ASSIGN(const std::string source, read_file(path, kLargestFile));
    state.add(name, source, path.string());
    return Ok{};
}

Status add_directory(ChatTemplateState& state, const fs::path& directory) {
    std::error_code ignored;
    if (fs::exists(directory / "chat_template.jinja", ignored))
        weft_TRY(add_file(state, "default", directory / "chat_template.jinja"));
    for (const char* folder : {"chat_templates", "additional_chat_templates"}) {
        for (fs::directory_iterator it(directory / folder, ignored), end; !ignored && it != end;
             it.increment(ignored)) {
            const fs::path& path = it->path();
            const std::string name = path.stem().string();
            if (has_extension(path, ".jinja") && !state.templates.contains(name)) weft_TRY(add_file(state, name, path));
        }
    }
    for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
        if (!fs::exists(directory / name, ignored)) continue;
        weft_ASSIGN(const Json file, read_object(directory / name));
        weft_TRY(add_from_config(state, file, (directory / name).string()));
    }
    return Ok{};
}

Status add_tokens_beside(ChatTemplateState& state, const fs::path& directory) {
    std::error_code ignored;
    for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
        if (!fs::exists(directory / name, ignored)) continue;
        weft_ASSIGN(const Json file, read_object(directory / name));
        add_tokens(state.tokens, file);
    }
    return Ok{};
}

Status add_tokens_of_model(ChatTemplateState& state, const fs::path& path) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) return add_tokens_beside(state, path);
    if (!is_gguf(path)) return add_tokens_beside(state, path.parent_path());
    weft_ASSIGN(const auto parts, open_gguf_parts(path));
    return add_gguf_tokens(state.tokens, parts[0].metadata());
}

} // namespace

Result<ChatTemplate> ChatTemplate::load(const fs::path& path, const std::string& name, const fs::path& tokens) try {
    auto state = std::make_shared<ChatTemplateState>();
    state->origin = path.string();
    state->chosen = name;
    std::error_code ignored;
    if (!fs::exists(path, ignored))
        return Error{ErrorCode::not_found, path.string() + ": there is no such file or directory", {}};
    const bool is_directory = fs::is_directory(path, ignored);
    if (!tokens.empty() && !fs::is_directory(tokens, ignored) && !is_gguf(tokens)) {
        weft_ASSIGN(const Json file, read_object(tokens));
        add_tokens(state->tokens, file);
    } else {
        weft_TRY(add_tokens_of_model(*state, tokens.empty() ? path : tokens));
    }
    if (is_directory) {
        weft_TRY(add_directory(*state, path));
    } else if (is_gguf(path)) {
        weft_ASSIGN(const auto parts, open_gguf_parts(path));
        weft_TRY(add_gguf_templates(*state, parts[0].metadata()));
    } else if (has_extension(path, ".json")) {
        weft_ASSIGN(const Json file, read_object(path));
        weft_TRY(add_from_config(*state, file, path.string()));
    } else if (has_extension(path, ".jinja")) {
        weft_TRY(add_file(*state, "default", path));
    } else {
        return Error{
            ErrorCode::unsupported, path.string() + ": neither a model directory nor a GGUF, .jinja or .json file", {}};
    }
    if (state->templates.empty())
        return Error{ErrorCode::not_found, path.string() + ": the model has no chat template", {}};
    weft_TRY(state->choose(false));
    return ChatTemplate(std::move(state));
}
weft_CATCH

} // namespace weft
