// SPDX-License-Identifier: Apache-2.0
#include "pipelines/ctc.hpp"
#include "base/file.hpp"
#include "unicode/unicode.hpp"
#include "unicode/utf8.hpp"

namespace weft::detail {
namespace {

constexpr int64_t kMostLetters = 1 << 20;

// A token's text, plain or as an object.
std::string text_of(const Json& config, const char* key, const std::string& otherwise) {
    const auto found = config.find(key);
    if (found == config.end()) return otherwise;
    if (found->is_string()) return found->get<std::string>();
    if (found->is_object() && found->contains("content")) return text_of(*found, "content", otherwise);
    return otherwise;
}

std::string lower_case(std::string_view text) {
    std::string lower;
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        append_lower(lower, c.value);
        at += c.bytes;
    }
    return lower;
}

} // namespace

Result<CtcLetters> ctc_letters(const Json& vocabulary, const Json& config, const std::string& origin) {
    const auto bad = [&](const std::string& what) { return Error{ErrorCode::malformed, origin + ": " + what, {}}; };
    if (!vocabulary.is_object()) return bad("must be an object of letters and their ids");
    CtcLetters letters;
    std::map<std::string, uint32_t> ids;
    for (const auto& [letter, id] : vocabulary.items()) {
        if (id.is_object())
            return Error{ErrorCode::unsupported, origin + ": has letters of several languages; weft reads one", {}};
        if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() >= kMostLetters)
            return bad("letter '" + letter + "' must have an id below " + std::to_string(kMostLetters));
        ids[letter] = id.get<uint32_t>();
        if (letters.all.size() <= ids[letter]) letters.all.resize(ids[letter] + 1);
        letters.all[ids[letter]] = letter;
    }
    const auto find = [&](const char* key, const std::string& otherwise, uint32_t& to) -> Status {
        const std::string token = text_of(config, key, otherwise);
        const auto found = ids.find(token);
        if (found == ids.end()) return bad("has no '" + token + "', the " + key);
        to = found->second;
        return Ok{};
    };
    weft_TRY(find("pad_token", "<pad>", letters.blank));
    weft_TRY(find("word_delimiter_token", "|", letters.space));
    if (config.value("do_lower_case", Json(false)) == true)
        for (std::string& letter : letters.all) letter = lower_case(letter);
    return letters;
}

Result<CtcLetters> read_ctc_letters(const ModelFiles& files) {
    const auto path = files.file("vocab.json");
    if (!path)
        return Error{
            ErrorCode::not_found, files.origin() + ": has no vocab.json, which says what letters there are", {}};
    weft_ASSIGN(const std::string text, read_file(*path));
    weft_ASSIGN(const Json vocabulary, parse_json(text, path->string()));
    Json config = Json::object();
    if (const auto beside = files.tokenizer_config()) {
        weft_ASSIGN(const std::string said, read_file(*beside));
        weft_ASSIGN(config, parse_json(said, beside->string()));
        if (!config.is_object()) return Error{ErrorCode::malformed, beside->string() + ": must be an object", {}};
    }
    return ctc_letters(vocabulary, config, path->string());
}

std::string CtcDecoder::push(std::span<const uint32_t> ids) {
    std::string text;
    for (const uint32_t id : ids) {
        if (id == std::exchange(last_, id) || id == letters_.blank || id >= letters_.all.size()) continue;
        if (id == letters_.space) {
            spaces_ += begun_;
            continue;
        }
        text.append(std::exchange(spaces_, 0), ' ');
        text += letters_.all[id];
        begun_ = true;
    }
    return text;
}

} // namespace weft::detail
