// SPDX-License-Identifier: Apache-2.0
// The vocabulary in a GGUF file, under the keys tokenizer.ggml.*: `model` says which of five kinds,
// and what the file leaves open is as llama.cpp has it.
#include "io/gguf_metadata.hpp"
#include "text/files/rwkv_vocabulary.hpp"
#include "text/files/sentencepiece.hpp"
#include "text/files/tokenizer_readers.hpp"
#include "text/regex/split_patterns.hpp"
#include "text/tokenizer/bert_normalizer.hpp"
#include "text/tokenizer/bpe.hpp"
#include "text/tokenizer/word_models.hpp"
#include <limits>

namespace weft::detail::text {
namespace {

constexpr char kTokens[] = "tokenizer.ggml.tokens";
constexpr char kMerges[] = "tokenizer.ggml.merges";

// What all kinds have.
struct GgufVocabulary {
    const GgufMetadata* file = nullptr;
    std::vector<std::string> tokens;
    std::vector<int64_t> types; // SentencePieces::Type, one a token

    static std::string key(const char* name) { return std::string("tokenizer.ggml.") + name; }
    Error bad(const char* name, const std::string& rule) const { return file->bad(key(name), rule); }
    const std::string& origin() const { return file->origin(); }
    bool is_added(size_t id) const {
        return types[id] == SentencePieces::control || types[id] == SentencePieces::user_defined ||
               types[id] == SentencePieces::unknown;
    }

    /// The id under a key, or `otherwise` if the key is absent; nothing if there is none.
    Result<std::optional<uint32_t>> id(const char* name, std::optional<uint32_t> otherwise) const {
        if (!file->has(key(name))) return otherwise && *otherwise < tokens.size() ? otherwise : std::nullopt;
        weft_ASSIGN(const int64_t value, file->integer(key(name)));
        if (value == -1 || value == int64_t(~0u)) return std::optional<uint32_t>(); // there is none
        if (value < 0 || uint64_t(value) >= tokens.size()) return bad(name, "must be below the number of tokens");
        return std::optional<uint32_t>(uint32_t(value));
    }
    Result<bool> flag(const char* name, bool otherwise) const { return file->boolean_or(key(name), otherwise); }

    /// Where `flag_name` asks for it (or `otherwise`, if the file does not say), the token under `id_name`.
    Result<std::vector<uint32_t>> around(const char* flag_name, bool otherwise, const char* id_name,
                                         std::optional<uint32_t> default_id) const {
        weft_ASSIGN(const bool wanted, flag(flag_name, otherwise));
        weft_ASSIGN(const auto found, id(id_name, default_id));
        return wanted && found ? std::vector<uint32_t>{*found} : std::vector<uint32_t>();
    }

    Status fill(Vocabulary& vocabulary) const {
        for (uint32_t i = 0; i < tokens.size(); ++i) {
            if (vocabulary.id_of(tokens[i]))
                return bad("tokens", "must not repeat a token: '" + tokens[i].substr(0, 64) + "' has ids " +
                                         std::to_string(*vocabulary.id_of(tokens[i])) + " and " + std::to_string(i));
            weft_TRY(vocabulary.add_checked(tokens[i], i, origin() + ": key 'tokenizer.ggml.tokens'"));
        }
        return Ok{};
    }
    std::vector<AddedToken> added() const {
        std::vector<AddedToken> list;
        for (size_t i = 0; i < tokens.size(); ++i) {
            if (!is_added(i)) continue;
            AddedToken token;
            token.content = tokens[i];
            token.special = types[i] != SentencePieces::user_defined;
            list.push_back(std::move(token));
        }
        return list;
    }
};

Result<GgufVocabulary> read_common(const GgufMetadata& file) {
    GgufVocabulary made;
    made.file = &file;
    weft_ASSIGN(const auto tokens, file.strings(kTokens));
    if (tokens.empty() || tokens.size() > kHighestToken)
        return file.bad(kTokens, "must have from 1 to 2^24 - 1 entries");
    for (size_t i = 0; i < tokens.size(); ++i) {
        if (valid_utf8_prefix(tokens[i]) != tokens[i].size())
            return file.bad(kTokens, "must be UTF-8: entry " + std::to_string(i) + " is not");
        made.tokens.emplace_back(tokens[i].empty() ? "[EMPTY_" + std::to_string(i) + "]" : std::string(tokens[i]));
    }
    made.types.assign(tokens.size(), SentencePieces::normal);
    if (file.has(GgufVocabulary::key("token_type"))) {
        weft_ASSIGN(made.types, file.integers(GgufVocabulary::key("token_type")));
        if (made.types.size() < tokens.size()) return made.bad("token_type", "must have an entry for each token");
    }
    return made;
}

// SentencePiece's BPE ("llama") and Unigram ("t5").
Result<TokenizerParts> read_pieces(const GgufVocabulary& v, int kind) {
    const bool unigram = kind == SentencePieces::unigram;
    SentencePieces file;
    file.kind = kind;
    file.origin = v.origin();
    file.byte_fallback = !unigram;
    file.symbols_anywhere = true;
    std::vector<double> scores(v.tokens.size(), 0);
    if (v.file->has(v.key("scores"))) {
        weft_ASSIGN(scores, v.file->numbers(v.key("scores")));
        if (scores.size() < v.tokens.size()) return v.bad("scores", "must have an entry for each token");
    }
    for (size_t i = 0; i < v.tokens.size(); ++i) {
        const int64_t type = v.types[i];
        file.pieces.push_back(
            {v.tokens[i], scores[i],
             type >= SentencePieces::normal && type <= SentencePieces::byte ? int(type) : SentencePieces::unused});
    }
    weft_ASSIGN(file.add_dummy_prefix, v.flag("add_space_prefix", true));
    weft_ASSIGN(file.remove_extra_whitespaces, v.flag("remove_extra_whitespaces", false));
    weft_ASSIGN(file.space_is_suffix, v.flag("treat_whitespace_as_suffix", false));
    if (const GgufValue* map = v.file->find(v.key("precompiled_charsmap"))) {
        if (!map->array || (map->type != GgufType::u8 && map->type != GgufType::i8))
            return v.bad("precompiled_charsmap", "must be an array of bytes");
        file.charsmap.assign(reinterpret_cast<const char*>(map->bytes.data()), map->bytes.size());
    }
    weft_ASSIGN(const auto unk, v.id("unknown_token_id", unigram ? 2u : 0u));
    if (unk) {
        for (auto& piece : file.pieces) {
            if (piece.type == SentencePieces::unknown) piece.type = SentencePieces::control; // the key names the one
        }
        file.pieces[*unk].type = SentencePieces::unknown;
    }
    const auto none = std::optional<uint32_t>();
    weft_ASSIGN(const auto before, v.around("add_bos_token", !unigram, "bos_token_id", unigram ? none : 1u));
    weft_ASSIGN(const auto after, v.around("add_eos_token", unigram, "eos_token_id", unigram ? 1u : 2u));
    return make_sentencepiece(std::move(file), TokenizerSettings(), before, after);
}

Result<TokenizerParts> read_bpe_vocabulary(const GgufVocabulary& v) {
    weft_ASSIGN(const std::string_view pre, v.file->string_or(v.key("pre"), "default"));
    const GgufSplit* split = find_gguf_split(pre);
    if (!split)
        return Error{ErrorCode::unsupported,
                     v.origin() + ": key 'tokenizer.ggml.pre' is '" + std::string(pre.substr(0, 64)) +
                         "', a way of splitting text that is not known",
                     {}};
    BpeConfig config;
    config.origin = v.origin();
    config.ignore_merges = split->whole_words;
    config.byte_fallback = split->raw;
    weft_TRY(v.fill(config.vocabulary));
    weft_ASSIGN(const auto merges, v.file->strings(kMerges));
    config.merges = MergeTable(merges.size());
    std::string joined;
    for (uint32_t rank = 0; rank < merges.size(); ++rank) {
        const std::string_view line = merges[rank];
        const size_t space = line.find(' ', 1); // the first token may be a space
        const auto bad = [&](const std::string& why) {
            return v.bad("merges", "must be pairs of tokens: entry " + std::to_string(rank) + " " + why);
        };
        if (space == line.npos) return bad("has no space between two");
        const std::string_view left = line.substr(0, space), right = line.substr(space + 1);
        joined = left;
        joined += right;
        const auto left_id = config.vocabulary.id_of(left), right_id = config.vocabulary.id_of(right),
                   id = config.vocabulary.id_of(joined);
        if (!left_id || !right_id || !id) return bad("names a token, or spells one, that is not in the vocabulary");
        config.merges.set(*left_id, *right_id, {rank, *id});
        config.junctions.add(left, right);
    }
    TokenizerParts parts;
    if (split->raw) {
        const Json pattern = {{"Regex", std::string(split->patterns[0])}};
        weft_ASSIGN(parts.normalizer,
                    normalizer_from({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\xe2\x96\x81"}},
                                    v.origin()));
        weft_ASSIGN(
            parts.pre_tokenizer,
            pre_tokenizer_from({{"type", "Split"}, {"pattern", pattern}, {"behavior", "Isolated"}, {"invert", false}},
                               v.origin()));
        weft_ASSIGN(parts.decoder, decoder_from(space_mark_decoder(false), v.origin()));
    } else {
        weft_ASSIGN(parts.pre_tokenizer, pre_tokenizer_from(byte_level_pre_tokenizer(split->patterns), v.origin()));
        weft_ASSIGN(parts.decoder, decoder_from({{"type", "ByteLevel"}}, v.origin()));
    }
    parts.model = make_bpe(std::move(config));
    weft_ASSIGN(const auto before, v.around("add_bos_token", split->add_bos, "bos_token_id", 11u));
    weft_ASSIGN(const auto after, v.around("add_eos_token", false, "eos_token_id", 11u));
    parts.post_processor = make_surround(before, after, before);
    weft_ASSIGN(parts.added,
                AddedTokens::make(v.added(), parts.model->vocabulary(), parts.normalizer.get(), v.origin()));
    return parts;
}

// Words begin with U+2581 there, and their other pieces with nothing; here other pieces
// begin with ## and words with nothing.
Result<TokenizerParts> read_word_pieces(const GgufVocabulary& v) {
    WordConfig config;
    config.origin = v.origin();
    config.longest_word = std::numeric_limits<size_t>::max(); // llama.cpp has no limit
    GgufVocabulary renamed = v;
    for (size_t i = 0; i < v.tokens.size(); ++i) {
        std::string& token = renamed.tokens[i];
        if (token.starts_with("\xe2\x96\x81")) {
            if (token.size() > 3) token.erase(0, 3);
        } else if (!v.is_added(i) && !(token.starts_with('[') && token.ends_with(']') && token.size() > 2)) {
            token.insert(0, "##");
        }
    }
    weft_TRY(renamed.fill(config.vocabulary));
    weft_ASSIGN(const auto unk, v.id("unknown_token_id", 100u));
    if (unk) config.unk_token = renamed.tokens[*unk];
    config.continuing_prefix = "##";
    BertNormalizerConfig normal;
    weft_ASSIGN(normal.lowercase, v.file->boolean_or("tokenizer.ggml.normalizer.lowercase", true));
    weft_ASSIGN(normal.strip_accents, v.file->boolean_or("tokenizer.ggml.normalizer.strip_accents", normal.lowercase));
    TokenizerParts parts;
    parts.normalizer = make_bert_normalizer(normal);
    weft_ASSIGN(parts.pre_tokenizer, pre_tokenizer_from({{"type", "BertPreTokenizer"}}, v.origin()));
    weft_ASSIGN(parts.decoder, decoder_from({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}, v.origin()));
    parts.model = make_word_piece(std::move(config));
    weft_ASSIGN(const auto cls, v.id("cls_token_id", 101u));
    const char* const bos_key = v.file->has(v.key("bos_token_id")) ? "bos_token_id" : "cls_token_id";
    weft_ASSIGN(const auto before, v.around("add_bos_token", true, bos_key, cls));
    weft_ASSIGN(const auto after, v.around("add_sep_token", true, "seperator_token_id", 102u)); // the key is spelled so
    parts.post_processor = make_surround(before, after, {});
    weft_ASSIGN(parts.added,
                AddedTokens::make(renamed.added(), parts.model->vocabulary(), parts.normalizer.get(), v.origin()));
    return parts;
}

Result<TokenizerParts> read_rwkv(const GgufVocabulary& v) {
    RwkvVocabulary file;
    file.origin = v.origin();
    for (uint32_t id = 0; id < v.tokens.size(); ++id) {
        if (v.is_added(id)) continue;
        const auto bytes = unescape_python(v.tokens[id], true);
        if (!bytes) return v.bad("tokens", "must be escaped as Python does: entry " + std::to_string(id) + " is not");
        if (!bytes->empty()) weft_TRY(file.add(*bytes, id));
    }
    return make_rwkv_tokenizer(std::move(file));
}

} // namespace

Result<TokenizerParts> read_gguf_vocabulary(const GgufMetadata& metadata) {
    if (metadata.has("tokenizer.huggingface.json")) { // it says more than the other keys can
        const std::string origin = metadata.origin() + ": key 'tokenizer.huggingface.json'";
        weft_ASSIGN(const std::string_view text, metadata.string("tokenizer.huggingface.json"));
        weft_ASSIGN(const Json json, parse_json(text, origin));
        return read_tokenizer_json(json, origin);
    }
    if (!metadata.has("tokenizer.ggml.model"))
        return Error{ErrorCode::not_found,
                     metadata.origin() + ": holds no vocabulary: key 'tokenizer.ggml.model' is missing",
                     {}};
    weft_ASSIGN(const std::string_view model, metadata.string("tokenizer.ggml.model"));
    weft_ASSIGN(const GgufVocabulary vocabulary, read_common(metadata));
    if (model == "llama") return read_pieces(vocabulary, SentencePieces::bpe);
    if (model == "t5") return read_pieces(vocabulary, SentencePieces::unigram);
    if (model == "gpt2" || model == "gemma4") return read_bpe_vocabulary(vocabulary);
    if (model == "bert") return read_word_pieces(vocabulary);
    if (model == "rwkv") return read_rwkv(vocabulary);
    const std::string rule = "' is not a kind of vocabulary that is known: llama, gpt2, bert, t5, rwkv";
    return Error{ErrorCode::unsupported,
                 metadata.origin() + ": key 'tokenizer.ggml.model': '" + std::string(model.substr(0, 64)) + rule,
                 {}};
}

} // namespace weft::detail::text
