// SPDX-License-Identifier: Apache-2.0
#include "pipelines/embedder_files.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace weft::detail {
namespace {

Result<Json> read_json(const std::filesystem::path& path) {
    weft_ASSIGN(const std::string text, read_file(path));
    return parse_json(text, path.string());
}

// The one way of pooling that is on; several would be side by side.
Result<Pooling> pooling_of(const std::filesystem::path& path) {
    weft_ASSIGN(const Json json, read_json(path));
    const JsonObject c(json, path.string());
    constexpr std::pair<const char*, Pooling> known[] = {{"pooling_mode_mean_tokens", Pooling::mean},
                                                         {"pooling_mode_cls_token", Pooling::cls},
                                                         {"pooling_mode_lasttoken", Pooling::last}};
    std::optional<Pooling> found;
    for (const auto& [key, value] : json.items()) {
        if (!key.starts_with("pooling_mode_") || value != true) continue;
        std::optional<Pooling> own;
        for (const auto& [name, pooling] : known)
            if (key == name) own = pooling;
        if (!own || found)
            return Error{ErrorCode::unsupported,
                         c.origin() + ": key '" + key + "' is true" + (found ? " beside another" : "") +
                             "; weft pools by the mean, the first or the last token",
                         {}};
        found = own;
    }
    if (!found) return Error{ErrorCode::malformed, c.origin() + ": says no way of pooling", {}};
    return *found;
}

// The same in a GGUF file, by llama.cpp's numbers.
Result<std::optional<Pooling>> pooling_of(const GgufMetadata& metadata) {
    weft_ASSIGN(const auto type, metadata.string("general.architecture"));
    const std::string key = std::string(type) + ".pooling_type";
    weft_ASSIGN(const int64_t number, metadata.integer_or(key, 0));
    switch (number) {
    case 0: return std::optional<Pooling>();
    case 1: return std::optional(Pooling::mean);
    case 2: return std::optional(Pooling::cls);
    case 3: return std::optional(Pooling::last);
    default:
        return Error{ErrorCode::unsupported,
                     metadata
                         .bad(key, "is " + std::to_string(number) +
                                       "; weft pools by the mean (1), the first (2) or the last token (3)")
                         .message,
                     {}};
    }
}

} // namespace

Result<EmbedderFiles> read_embedder_files(const ModelFiles& files, const std::filesystem::path& path) {
    EmbedderFiles said;
    if (files.gguf()) {
        weft_ASSIGN(said.pooling, pooling_of(*files.gguf()));
        return said;
    }
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) return said;
    if (const auto file = path / "sentence_bert_config.json"; std::filesystem::exists(file, ignored)) {
        weft_ASSIGN(const Json json, read_json(file));
        const JsonObject c(json, file.string());
        if (c.has("max_seq_length")) {
            weft_ASSIGN(said.context, c.count("max_seq_length"));
        }
    }
    const auto list = path / "modules.json";
    if (!std::filesystem::exists(list, ignored)) return said;
    weft_ASSIGN(const Json modules, read_json(list));
    if (!modules.is_array()) return Error{ErrorCode::malformed, list.string() + ": must be a list of modules", {}};
    for (const Json& json : modules) {
        if (!json.is_object()) return Error{ErrorCode::malformed, list.string() + ": a module must be an object", {}};
        const JsonObject module(json, list.string());
        weft_ASSIGN(const std::string type, module.string("type"));
        weft_ASSIGN(const std::string folder, module.string_or("path", ""));
        const std::string kind = type.substr(type.rfind('.') + 1);
        if (kind == "Pooling") {
            weft_ASSIGN(said.pooling, pooling_of(path / folder / "config.json"));
        } else if (kind == "Normalize") said.normalize = true;
        else if (kind != "Transformer")
            return Error{ErrorCode::unsupported,
                         list.string() + ": module '" + type + "' is not supported",
                         {"weft knows: Transformer, Pooling, Normalize"}};
    }
    return said;
}

} // namespace weft::detail
