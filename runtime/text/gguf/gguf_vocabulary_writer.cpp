// SPDX-License-Identifier: Apache-2.0
#include "text/gguf/gguf_vocabulary_writer.hpp"
#include "text/files/sentencepiece_layouts.hpp"
#include "text/files/tokenizer_files.hpp"
#include "text/files/tokenizer_readers.hpp"
#include "text/gguf/gguf_draft.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

using text::GgufDraft;
using text::TokenizerSettings;

// An id that tokenizer_config.json gives as a token, or the configs as a number.
std::optional<uint32_t> special_id(const ModelFiles& files, const TokenizerSettings& settings, const GgufDraft& draft,
                                   const std::string& name) {
    const std::string key = name + "_token";
    if (const auto token = settings.token(key); token && *token) {
        if (const auto id = draft.id_of(**token)) return id;
    }
    for (const auto* config : {&files.config(), &files.generation_config()}) {
        if (!*config || !(*config)->contains(key + "_id")) continue;
        const Json& id = (**config)[key + "_id"];
        const Json& first = id.is_array() && !id.empty() ? id[0] : id;
        if (first.is_number_integer() && first >= 0 && first < draft.tokens.size()) return first.get<uint32_t>();
    }
    return std::nullopt;
}

void find_ids(const ModelFiles& files, const TokenizerSettings& settings, GgufDraft& draft) {
    for (const auto& [name, key] :
         {std::pair{"bos", "bos"}, {"eos", "eos"}, {"unk", "unknown"}, {"pad", "padding"}, {"mask", "mask"}}) {
        if (const auto id = special_id(files, settings, draft, name)) draft.ids[key] = *id;
    }
}

void write_draft(const GgufDraft& draft, GgufWriter& w) {
    const std::string ggml = "tokenizer.ggml.";
    w.string(ggml + "model", draft.kind);
    w.string(ggml + "pre", draft.pre);
    w.strings(ggml + "tokens", draft.tokens);
    if (!draft.scores.empty()) w.f32s(ggml + "scores", draft.scores);
    w.i32s(ggml + "token_type", draft.types);
    if (draft.merges) w.strings(ggml + "merges", *draft.merges);
    if (!draft.charsmap.empty()) w.bytes(ggml + "precompiled_charsmap", draft.charsmap);
    for (const auto& [name, value] : draft.flags) w.boolean(ggml + name, value);
}

Status draft_json(const text::JsonTokenizer& from, GgufDraft& draft) {
    const std::string type = text::text_of(from.model(), "type", "BPE");
    if (type == "Unigram") return draft_unigram(from, draft);
    if (type == "WordPiece") return draft_word_pieces(from, draft);
    if (type == "BPE" && text::flag_of(from.model(), "byte_fallback", false)) return draft_pieces_bpe(from, draft);
    if (type == "BPE") return draft_byte_level(from, draft);
    draft.refuse("a model of type " + type);
    return Ok{};
}

struct Source {
    std::filesystem::path path;
    TokenizerSettings settings;
    std::string bytes;
};

Result<GgufVocabularyReport> write_json(const ModelFiles& files, const Source& from, uint32_t rows, GgufWriter& w) {
    const std::string origin = from.path.string();
    weft_ASSIGN(const Json json, text::tokenizer_as_json(from.path, from.bytes, from.settings));
    const auto parts = text::read_tokenizer_json(json, origin);
    if (!parts) {
        if (parts.error().code != ErrorCode::unsupported) return Error(parts.error());
        return GgufVocabularyReport{"", parts.error().message};
    }
    GgufDraft draft;
    weft_TRY(draft.fill(*parts, rows, origin));
    find_ids(files, from.settings, draft);
    weft_TRY(draft_json({json, *parts}, draft));
    for (const char* setting : {"split_special_tokens", "clean_up_tokenization_spaces"})
        draft.differ(json.contains(setting), setting);
    GgufVocabularyReport out{draft.kind, draft.refused};
    if (!draft.refused.empty()) w.string("tokenizer.ggml.model", out.kind = "none");
    else write_draft(draft, w);
    for (const std::string& what : draft.differs)
        if (draft.refused.empty()) out.note += (out.note.empty() ? "" : "; ") + what;
    if (!out.note.empty()) w.string("tokenizer.huggingface.json", json.dump());
    for (const auto& [name, id] : draft.ids) w.u32("tokenizer.ggml." + name + "_token_id", id);
    return out;
}

Result<GgufVocabularyReport> write_other(const ModelFiles& files, const Source& from, uint32_t rows, GgufWriter& w) {
    const std::string origin = from.path.string();
    GgufDraft draft;
    if (has_extension(from.path, ".model")) {
        weft_ASSIGN(text::SentencePieces file, text::read_sentencepiece_file(from.bytes, origin));
        TokenizerSettings settings = from.settings;
        weft_ASSIGN(const auto around, text::apply_class(file, settings)); // the ids of its class
        weft_ASSIGN(const auto parts, text::read_sentencepiece(from.bytes, origin, from.settings));
        weft_TRY(draft.fill(parts, rows, origin));
        find_ids(files, from.settings, draft);
        weft_TRY(draft_sentencepiece(file, draft));
        weft_TRY(draft.surround(parts, "bos", "eos", "add_eos_token"));
    } else {
        weft_ASSIGN(const auto parts, text::read_rwkv_world(from.bytes, origin));
        weft_TRY(draft.fill(parts, rows, origin));
        find_ids(files, from.settings, draft);
        weft_TRY(draft_world(draft));
    }
    if (!draft.refused.empty()) return GgufVocabularyReport{"", draft.refused};
    write_draft(draft, w);
    for (const auto& [name, id] : draft.ids) w.u32("tokenizer.ggml." + name + "_token_id", id);
    GgufVocabularyReport out{draft.kind, ""};
    for (const std::string& what : draft.differs) out.note += (out.note.empty() ? "" : "; ") + what;
    return out;
}

Status write_chat_template(const ModelFiles& files, const TokenizerSettings& settings, GgufWriter& w) {
    if (const auto path = files.file("chat_template.jinja")) {
        weft_ASSIGN(const std::string text, read_file(*path));
        w.string("tokenizer.chat_template", text);
    } else if (settings.config.contains("chat_template") && settings.config["chat_template"].is_string()) {
        w.string("tokenizer.chat_template", settings.config["chat_template"].get<std::string>());
    }
    return Ok{};
}

} // namespace

Result<GgufVocabularyReport> write_gguf_vocabulary(const ModelFiles& files, uint32_t vocabulary, GgufWriter& w) {
    using Write = Result<GgufVocabularyReport> (*)(const ModelFiles&, const Source&, uint32_t, GgufWriter&);
    constexpr std::pair<const char*, Write> kinds[] = {
        {"tokenizer.json", write_json},
        {"tokenizer.model", write_other},
        {"spiece.model", write_other},
        {"sentencepiece.bpe.model", write_other},
        {"sentencepiece.model", write_other},
        {"vocab.json", write_json},
        {"vocab.txt", write_json},
        {"rwkv_vocab_v20230424.txt", write_other},
    };
    for (const auto& [name, write] : kinds) {
        const auto path = files.file(name);
        if (!path) continue;
        Source from{*path, {}, ""};
        weft_ASSIGN(from.settings, TokenizerSettings::read(path->parent_path()));
        weft_ASSIGN(from.bytes, read_file(*path));
        weft_ASSIGN(GgufVocabularyReport written, write(files, from, vocabulary, w));
        if (!written.kind.empty()) weft_TRY(write_chat_template(files, from.settings, w));
        return written;
    }
    return GgufVocabularyReport{"", "no tokenizer.json, SentencePiece model, vocab.json, vocab.txt or RWKV vocabulary"};
}

} // namespace weft::detail
