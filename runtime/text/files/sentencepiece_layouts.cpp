// SPDX-License-Identifier: Apache-2.0
#include "text/files/sentencepiece_layouts.hpp"
#include <algorithm>

namespace weft::detail::text {
namespace {

constexpr int64_t kMostExtraIds = 1 << 16;

bool adds(const TokenizerSettings& settings, std::string_view content) {
    return std::any_of(settings.added.begin(), settings.added.end(),
                       [&](const AddedToken& t) { return t.content == content; });
}

void add_special(TokenizerSettings& settings, std::string content, size_t id) {
    if (adds(settings, content)) return;
    AddedToken token;
    token.content = std::move(content);
    token.special = true;
    token.id = uint32_t(id);
    settings.added.push_back(std::move(token));
}

// <extra_id_0> is the last.
Status add_extra_ids(const SentencePieces& file, TokenizerSettings& settings) {
    weft_ASSIGN(const int64_t count, JsonObject(settings.config, settings.origin).integer_or("extra_ids", 100));
    if (count < 0 || count > kMostExtraIds)
        return JsonObject(settings.config, settings.origin).bad("extra_ids", "must be from 0 to 65536");
    const bool listed = std::any_of(settings.added.begin(), settings.added.end(),
                                    [](const AddedToken& t) { return t.content.starts_with("<extra_id_"); });
    for (int64_t i = listed ? 0 : count; i-- > 0;)
        add_special(settings, "<extra_id_" + std::to_string(i) + ">", file.pieces.size() + size_t(count - 1 - i));
    return Ok{};
}

// The names of more special tokens, in their order.
std::vector<std::string> more_special(const Json& config) {
    std::vector<std::string> names;
    for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
        if (!config.contains(key) || !config[key].is_array()) continue;
        for (const Json& token : config[key]) {
            if (token.is_string()) names.push_back(token.get<std::string>());
            else if (token.is_object() && token.contains("content") && token["content"].is_string())
                names.push_back(token["content"].get<std::string>());
        }
        break;
    }
    return names;
}

// Four tokens of its own, then the pieces without their first three (<unk>, <s>, </s>).
Status use_fairseq_ids(SentencePieces& file, TokenizerSettings& settings) {
    if (file.pieces.size() < 3)
        return Error{
            ErrorCode::malformed, file.origin + ": has fewer than the three pieces that fairseq's ids replace", {}};
    std::vector<SentencePieces::Piece> pieces = {{"<s>", 0, SentencePieces::control},
                                                 {"<pad>", 0, SentencePieces::control},
                                                 {"</s>", 0, SentencePieces::control},
                                                 {"<unk>", 0, SentencePieces::unknown}};
    pieces.insert(pieces.end(), file.pieces.begin() + 3, file.pieces.end());
    file.pieces = std::move(pieces);
    file.bos = 0;
    file.eos = 2;
    add_special(settings, "<unk>", 3);
    return Ok{};
}

// After the pieces come `more`, then <mask>, which takes the space before it.
void add_after_pieces(const SentencePieces& file, const std::vector<std::string>& more, TokenizerSettings& settings) {
    size_t id = file.pieces.size();
    for (const std::string& name : more) {
        if (name != "<mask>") add_special(settings, name, id++);
    }
    if (adds(settings, "<mask>")) return;
    add_special(settings, "<mask>", id);
    settings.added.back().lstrip = true;
}

// The code of the source language before a text and </s> after it; as it was at first, both after it.
Result<std::unique_ptr<PostProcessor>> nllb_processor(const TokenizerSettings& settings) {
    weft_ASSIGN(const std::string source,
                JsonObject(settings.config, settings.origin).string_or("src_lang", "eng_Latn"));
    weft_ASSIGN(const bool legacy, settings.flag("legacy_behaviour", false));
    std::vector<uint32_t> code;
    for (const AddedToken& token : settings.added) {
        if (token.content == source) code = {*token.id};
    }
    std::vector<uint32_t> before, after = {2};
    if (legacy) after.insert(after.end(), code.begin(), code.end());
    else before = code;
    Template single, pair;
    single.add(before, 0).add_text(0, 0).add(after, 0);
    pair.add(before, 0).add_text(0, 0).add_text(1, 0).add(after, 0);
    return make_template(std::move(single), std::move(pair));
}

// A class that has a name for the unknown token also finds it in texts and skips it where special tokens are skipped.
Status add_named_unknown(const SentencePieces& file, TokenizerSettings& settings) {
    weft_ASSIGN(auto name, settings.token("unk_token"));
    if (!name && settings.is_class("T5")) name = "<unk>";
    for (size_t id = 0; name && id < file.pieces.size(); ++id) {
        if (file.pieces[id].type == SentencePieces::unknown && file.pieces[id].text == *name)
            add_special(settings, *name, id);
    }
    return Ok{};
}

} // namespace

Result<std::unique_ptr<PostProcessor>> apply_class(SentencePieces& file, TokenizerSettings& settings) {
    if (settings.is_class("T5")) weft_TRY(add_extra_ids(file, settings));
    const bool nllb = settings.is_class("Nllb");
    if (!nllb && !settings.is_class("XLMRoberta")) {
        weft_TRY(add_named_unknown(file, settings));
        return std::unique_ptr<PostProcessor>();
    }
    weft_TRY(use_fairseq_ids(file, settings));
    const auto more = nllb ? more_special(settings.config) : std::vector<std::string>();
    if (!nllb || !more.empty())
        add_after_pieces(file, more, settings); // without the list of NLLB's languages their ids are not known
    if (nllb) return nllb_processor(settings);
    return make_surround({0}, {2}, {2});
}

} // namespace weft::detail::text
