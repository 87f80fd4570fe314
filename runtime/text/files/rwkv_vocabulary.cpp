// SPDX-License-Identifier: Apache-2.0
#include "text/files/rwkv_vocabulary.hpp"
#include "text/files/tokenizer_readers.hpp"
#include "text/tokenizer/prefix_tree.hpp"
#include "unicode/unicode.hpp"
#include <charconv>

namespace weft::detail::text {
namespace {

class Longest final : public TokenModel {
public:
    explicit Longest(RwkvVocabulary file) : vocabulary_(std::move(file.vocabulary)), origin_(std::move(file.origin)) {
        vocabulary_.each([&](std::string_view token, uint32_t id) { tokens_.add(token, id); });
    }
    const Vocabulary& vocabulary() const override { return vocabulary_; }
    std::unique_ptr<TokenSession> begin() const override { return std::make_unique<Session>(*this); }

private:
    struct Session final : TokenSession {
        explicit Session(const Longest& model_in) : model(model_in) {}
        Status tokenize(std::string_view piece, std::vector<uint32_t>& ids) override {
            while (!piece.empty()) {
                const auto match = model.tokens_.longest(piece);
                if (!match)
                    return Error{ErrorCode::malformed,
                                 model.origin_ + ": the vocabulary has no token for a byte of the text",
                                 {}};
                ids.push_back(match->value);
                piece.remove_prefix(match->bytes);
            }
            return Ok{};
        }
        const Longest& model;
    };
    Vocabulary vocabulary_;
    PrefixTree tokens_;
    std::string origin_;
};

} // namespace

std::optional<std::string> unescape_python(std::string_view text, bool bytes) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        if (text[at] != '\\') {
            out += text[at++];
            continue;
        }
        if (++at == text.size()) return std::nullopt;
        const char c = text[at++];
        const auto number = [&](size_t digits, int base) -> std::optional<uint32_t> {
            uint32_t value = 0;
            const char* begin = text.data() + at;
            if (text.size() - at < digits) return std::nullopt;
            const auto [end, error] = std::from_chars(begin, begin + digits, value, base);
            if (error != std::errc() || end != begin + digits) return std::nullopt;
            at += digits;
            return value;
        };
        const auto character = [&](std::optional<uint32_t> value) {
            if (!value || *value > 0x10ffff || (*value >= 0xd800 && *value < 0xe000)) return false;
            if (bytes) out += char(*value);
            else append_code_point(out, *value);
            return true;
        };
        switch (c) {
        case 'n': out += '\n'; break;
        case 't': out += '\t'; break;
        case 'r': out += '\r'; break;
        case 'a': out += '\a'; break;
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'v': out += '\v'; break;
        case '0': out += '\0'; break;
        case '\\':
        case '\'':
        case '"': out += c; break;
        case 'x':
            if (!character(number(2, 16))) return std::nullopt;
            break;
        case 'u':
        case 'U':
            if (bytes || !character(number(c == 'u' ? 4 : 8, 16))) return std::nullopt;
            break;
        default: return std::nullopt;
        }
    }
    return out;
}

std::optional<std::string> from_python_literal(std::string_view literal) {
    const bool bytes = literal.starts_with('b');
    if (bytes) literal.remove_prefix(1);
    if (literal.size() < 2 || literal.front() != literal.back() || (literal[0] != '\'' && literal[0] != '"'))
        return std::nullopt;
    return unescape_python(literal.substr(1, literal.size() - 2), bytes);
}

Status RwkvVocabulary::add(std::string_view bytes, uint32_t id) {
    std::string text;
    ByteAlphabet::get().encode(bytes, text);
    if (text.empty() || vocabulary.id_of(text) || vocabulary.token(id))
        return Error{
            ErrorCode::malformed, origin + ": token " + std::to_string(id) + " is empty or repeats another", {}};
    return vocabulary.add_checked(text, id, origin + ": the tokens");
}

Result<TokenizerParts> make_rwkv_tokenizer(RwkvVocabulary file) {
    TokenizerParts parts;
    const std::string origin = file.origin;
    const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
    weft_ASSIGN(parts.pre_tokenizer, pre_tokenizer_from(bytes, origin));
    parts.model = std::make_unique<Longest>(std::move(file));
    weft_ASSIGN(parts.decoder, decoder_from({{"type", "ByteLevel"}}, origin));
    weft_ASSIGN(parts.added, AddedTokens::make({}, parts.model->vocabulary(), nullptr, origin));
    return parts;
}

Result<TokenizerParts> read_rwkv_world(std::string_view text, const std::string& origin) {
    RwkvVocabulary file;
    file.origin = origin;
    size_t line_number = 0;
    for (size_t at = 0; at < text.size();) {
        ++line_number;
        const size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, end - at);
        at = end + 1;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        const size_t first = line.find(' '), last = line.rfind(' ');
        uint32_t id = 0, length = 0;
        const auto read = [](std::string_view digits, uint32_t& value) {
            const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
            return error == std::errc() && stop == digits.data() + digits.size();
        };
        const auto bytes = first < last && last != line.npos
                               ? from_python_literal(line.substr(first + 1, last - first - 1))
                               : std::nullopt;
        if (!bytes || !read(line.substr(0, first), id) || !read(line.substr(last + 1), length) || id > kHighestToken ||
            length != bytes->size()) {
            return Error{ErrorCode::malformed,
                         origin + ": line " + std::to_string(line_number) +
                             " must be an id below 2^24, a token as Python writes it, and its length in bytes",
                         {}};
        }
        weft_TRY(file.add(*bytes, id));
    }
    if (file.vocabulary.count() == 0) return Error{ErrorCode::malformed, origin + ": holds no tokens", {}};
    return make_rwkv_tokenizer(std::move(file));
}

} // namespace weft::detail::text
