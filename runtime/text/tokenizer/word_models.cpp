// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/word_models.hpp"
#include "text/tokenizer/byte_tokens.hpp"
#include "text/tokenizer/part.hpp"
#include "text/tokenizer/prefix_tree.hpp"

namespace weft::detail::text {
namespace {

class WordModel : public TokenModel {
public:
    explicit WordModel(WordConfig config)
        : config_(std::move(config)), unk_id_(config_.vocabulary.id_of(config_.unk_token)) {}
    const Vocabulary& vocabulary() const override { return config_.vocabulary; }

    Status add_unknown(std::vector<uint32_t>& ids) const {
        if (!unk_id_) {
            return Error{ErrorCode::malformed,
                         config_.origin + ": key 'unk_token' names '" + config_.unk_token.substr(0, 64) +
                             "', which is not in the vocabulary",
                         {}};
        }
        if (!config_.fuse_unk || ids.empty() || ids.back() != *unk_id_) ids.push_back(*unk_id_);
        return Ok{};
    }

protected:
    WordConfig config_;
    std::optional<uint32_t> unk_id_;
};

class WordLevel final : public WordModel {
public:
    explicit WordLevel(WordConfig config) : WordModel(std::move(config)), bytes_(config_.vocabulary) {}
    std::unique_ptr<TokenSession> begin() const override { return std::make_unique<Session>(*this); }

private:
    struct Session final : TokenSession {
        explicit Session(const WordLevel& model_in) : model(model_in) {}
        Status tokenize(std::string_view piece, std::vector<uint32_t>& ids) override {
            const auto id = model.vocabulary().id_of(piece);
            if (!id && model.config_.byte_fallback && model.bytes_.add(piece, ids)) return Ok{};
            if (!id) return model.add_unknown(ids);
            ids.push_back(*id);
            return Ok{};
        }
        const WordLevel& model;
    };
    ByteTokens bytes_;
};

class WordPiece final : public WordModel {
public:
    explicit WordPiece(WordConfig config) : WordModel(std::move(config)) {
        const std::string& prefix = config_.continuing_prefix;
        config_.vocabulary.each([&](std::string_view token, uint32_t id) {
            first_.add(token, id);
            if (token.starts_with(prefix)) later_.add(token.substr(prefix.size()), id);
        });
    }
    std::unique_ptr<TokenSession> begin() const override { return std::make_unique<Session>(*this); }

private:
    struct Session final : TokenSession {
        explicit Session(const WordPiece& model_in) : model(model_in) {}
        Status tokenize(std::string_view piece, std::vector<uint32_t>& ids) override {
            const size_t before = ids.size();
            bool known = count_code_points(piece) <= model.config_.longest_word;
            for (size_t at = 0; known && at < piece.size();) {
                const auto match = (at == 0 ? model.first_ : model.later_).longest(piece.substr(at));
                known = match.has_value();
                if (!known) break;
                ids.push_back(match->value);
                at += match->bytes;
            }
            if (known) return Ok{};
            ids.resize(before);
            return model.add_unknown(ids);
        }
        const WordPiece& model;
    };
    PrefixTree first_, later_;
};

Result<WordConfig> read_config(const PartReader& part, const std::string& unk_token) {
    WordConfig config;
    config.origin = part.origin();
    weft_ASSIGN(config.vocabulary, Vocabulary::read(part, "vocab"));
    weft_ASSIGN(config.unk_token, part.string_or("unk_token", unk_token));
    return config;
}

} // namespace

std::unique_ptr<TokenModel> make_word_piece(WordConfig config) {
    return std::make_unique<WordPiece>(std::move(config));
}
std::unique_ptr<TokenModel> make_word_level(WordConfig config) {
    return std::make_unique<WordLevel>(std::move(config));
}

Result<std::unique_ptr<TokenModel>> read_word_piece(const PartReader& part) {
    weft_ASSIGN(WordConfig config, read_config(part, "[UNK]"));
    weft_ASSIGN(config.continuing_prefix, part.string_or("continuing_subword_prefix", "##"));
    weft_ASSIGN(const int64_t longest, part.integer_or("max_input_chars_per_word", 100));
    if (longest < 0) return part.bad("max_input_chars_per_word", "must not be negative");
    config.longest_word = size_t(longest);
    return make_word_piece(std::move(config));
}

Result<std::unique_ptr<TokenModel>> read_word_level(const PartReader& part) {
    weft_ASSIGN(WordConfig config, read_config(part, "<unk>"));
    return make_word_level(std::move(config));
}

} // namespace weft::detail::text
