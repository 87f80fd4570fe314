// SPDX-License-Identifier: Apache-2.0
#include "jinja/lexer.hpp"
#include "jinja/literals.hpp"
#include "jinja/strings.hpp"
#include "jinja/value.hpp"
#include "unicode/unicode.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>

namespace weft::detail::jinja {
namespace {

constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                           "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

// All line ends as \n, without the one at the very end.
std::string normal_lines(std::string_view source) {
    std::string out;
    out.reserve(source.size());
    for (size_t i = 0; i < source.size(); ++i) {
        if (source[i] == '\r') {
            out += '\n';
            if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
        } else {
            out += source[i];
        }
    }
    if (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
}

class Lexer {
public:
    explicit Lexer(std::string_view source) : source_(source) {}

    Result<std::vector<Token>> run() {
        while (at_ < source_.size()) weft_TRY(text());
        push(Token::end, "");
        return std::move(tokens_);
    }

private:
    std::string_view rest() const { return source_.substr(at_); }
    bool sees(std::string_view what, size_t at) const { return source_.substr(at).starts_with(what); }

    void push(Token::Kind kind, std::string_view value) {
        Token token;
        token.kind = kind;
        token.line = line_;
        token.text = value;
        tokens_.push_back(std::move(token));
    }

    void advance(size_t end) {
        line_ += uint32_t(std::count(source_.begin() + ptrdiff_t(at_), source_.begin() + ptrdiff_t(end), '\n'));
        line_starts_ = end > 0 && source_[end - 1] == '\n';
        at_ = end;
    }

    size_t after_space(size_t at) const { return at + leading_space(source_.substr(at)); }

    // Text up to `end`, where a tag with this sign ('-', '+' or 0) begins. Blanks between a line's
    // start and a block are dropped.
    void data(size_t end, char sign, bool strip_line) {
        std::string_view value = source_.substr(at_, end - at_);
        if (sign == '-') {
            value.remove_suffix(trailing_space(value));
        } else if (sign != '+' && strip_line) {
            const size_t newline = value.rfind('\n'), line = newline == value.npos ? 0 : newline + 1;
            if ((line > 0 || line_starts_) && leading_space(value.substr(line)) == value.size() - line)
                value = value.substr(0, line);
        }
        if (!value.empty()) push(Token::data, value);
        advance(end);
    }

    // The end of "{% raw %}" that begins at `at`, or npos.
    size_t raw_begin(size_t at) const {
        size_t i = at + 2;
        if (i < source_.size() && (source_[i] == '-' || source_[i] == '+')) ++i;
        i = after_space(i);
        if (!sees("raw", i)) return source_.npos;
        i = after_space(i + 3);
        if (sees("-%}", i)) return after_space(i + 3);
        return sees("%}", i) ? i + 2 : source_.npos;
    }

    // Where a block's end at `at` leads, or npos: "-%}" takes the white space after it, "%}" one line end.
    size_t block_end(size_t at) const {
        if (sees("+%}", at)) return at + 3;
        if (sees("-%}", at)) return after_space(at + 3);
        if (!sees("%}", at)) return source_.npos;
        return at + 2 + (sees("\n", at + 2) ? 1 : 0);
    }

    char sign_at(size_t at) const {
        return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : 0;
    }

    Status text() {
        size_t begin = at_;
        for (;; ++begin) {
            begin = source_.find('{', begin);
            if (begin == source_.npos || begin + 1 == source_.size()) {
                data(source_.size(), '+', false);
                return Ok{};
            }
            const char next = source_[begin + 1];
            if (next == '%' || next == '{' || next == '#') break;
        }
        const char kind = source_[begin + 1], sign = sign_at(begin + 2);
        data(begin, sign, kind != '{');
        const size_t inside = begin + 2 + (sign ? 1 : 0);
        if (kind == '#') return comment(inside);
        if (kind == '%') {
            if (const size_t end = raw_begin(begin); end != source_.npos) return raw(end);
        }
        push(kind == '%' ? Token::block_begin : Token::variable_begin, source_.substr(begin, 2));
        advance(inside);
        return tag(kind == '%');
    }

    Status comment(size_t begin) {
        const size_t end = source_.find("#}", begin);
        if (end == source_.npos) return at_line(line_, "the comment has no end");
        const char sign = end > begin ? sign_at(end - 1) : 0;
        advance(sign == '-' ? after_space(end + 2) : end + 2 + (!sign && sees("\n", end + 2) ? 1 : 0));
        return Ok{};
    }

    Status raw(size_t begin) {
        advance(begin);
        for (size_t at = begin; (at = source_.find("{%", at)) != source_.npos; ++at) {
            const char sign = sign_at(at + 2);
            size_t i = after_space(at + 2 + (sign ? 1 : 0));
            if (!sees("endraw", i)) continue;
            const size_t end = block_end(after_space(i + 6));
            if (end == source_.npos) continue;
            data(at, sign, true);
            advance(end);
            return Ok{};
        }
        return at_line(line_, "the raw block has no end");
    }

    Status tag(bool block) {
        while (at_ < source_.size()) {
            if (open_.empty()) {
                const size_t end = block              ? block_end(at_)
                                   : sees("-}}", at_) ? after_space(at_ + 3)
                                   : sees("}}", at_)  ? at_ + 2
                                                      : source_.npos;
                if (end != source_.npos) {
                    push(block ? Token::block_end : Token::variable_end, block ? "%}" : "}}");
                    advance(end);
                    return Ok{};
                }
            }
            weft_TRY(token());
        }
        return Ok{}; // the parser says what is missing
    }

    Status token() {
        if (const size_t space = leading_space(rest())) {
            advance(at_ + space);
            return Ok{};
        }
        const char c = source_[at_];
        if (c >= '0' && c <= '9') return number();
        if (c == '"' || c == '\'') return quoted(c);
        size_t end = at_;
        while (end < source_.size()) {
            const CodePoint point = code_point_at(source_, end);
            if (!is_word(point.value)) break;
            end += point.bytes;
        }
        if (end > at_) {
            push(Token::name, source_.substr(at_, end - at_));
            advance(end);
            return Ok{};
        }
        return symbol();
    }

    Status number() {
        const bool may_be_real = at_ == 0 || source_[at_ - 1] != '.';
        Number found;
        weft_ASSIGN(found, read_number(rest(), may_be_real, line_));
        push(found.is_real ? Token::real : Token::integer, source_.substr(at_, found.bytes));
        tokens_.back().integer_value = found.integer;
        tokens_.back().real_value = found.real;
        advance(at_ + found.bytes);
        return Ok{};
    }

    Status quoted(char quote) {
        size_t end = at_ + 1;
        while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
        if (end >= source_.size()) return at_line(line_, "the string has no end");
        weft_ASSIGN(const std::string value, unescape(source_.substr(at_ + 1, end - at_ - 1), line_));
        push(Token::string, value);
        advance(end + 1);
        return Ok{};
    }

    Status symbol() {
        for (const std::string_view op : kOperators) {
            if (!sees(op, at_)) continue;
            if (op == "(") open_ += ')';
            if (op == "[") open_ += ']';
            if (op == "{") open_ += '}';
            if (op == ")" || op == "]" || op == "}") {
                if (open_.empty()) return at_line(line_, "unexpected '" + std::string(op) + "'");
                if (open_.back() != op[0])
                    return at_line(line_, "unexpected '" + std::string(op) + "', expected '" + open_.back() + "'");
                open_.pop_back();
            }
            push(Token::op, op);
            advance(at_ + op.size());
            return Ok{};
        }
        return at_line(line_, "unexpected character '" +
                                  std::string(source_.substr(at_, code_point_at(source_, at_).bytes)) + "'");
    }

    std::string_view source_;
    size_t at_ = 0;
    uint32_t line_ = 1;
    bool line_starts_ = true; // what was read last ended a line
    std::string open_;        // the brackets that must close, the innermost last
    std::vector<Token> tokens_;
};

} // namespace

Error at_line(uint32_t line, const std::string& message) {
    return failure("line " + std::to_string(line) + ": " + message);
}

std::string Token::described() const {
    switch (kind) {
    case data: return "text";
    case block_begin: return "begin of a block";
    case block_end: return "end of the block";
    case variable_begin: return "begin of an expression";
    case variable_end: return "end of the expression";
    case end: return "end of the template";
    case string: return "string";
    default: return "'" + text + "'";
    }
}

Result<std::vector<Token>> tokenize(std::string_view source) {
    const std::string lines = normal_lines(source);
    return Lexer(lines).run();
}

} // namespace weft::detail::jinja
