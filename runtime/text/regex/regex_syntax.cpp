// SPDX-License-Identifier: Apache-2.0
// Oniguruma and PCRE2 agree on most of a pattern. This file rewrites where they do not:
// classes inside classes and their intersections, what \w \s \b \h and \v mean, names of properties,
// quantifiers after an interval, and inline options.
#include "text/regex/regex.hpp"
#include "text/regex/regex_sets.hpp"
#include "unicode/utf8.hpp"

namespace weft::detail::text {
namespace {

constexpr int kDeepestClass = 16, kDeepestGroup = 200;
// Rewriting repeats parts; nested repetition must not multiply without end.
constexpr size_t kLongestOutput = 256 * 1024;

class Rewriter {
public:
    explicit Rewriter(std::string_view pattern) : in_(pattern) {}

    Result<std::string> run() {
        open_group(0);
        while (at_ < in_.size()) {
            weft_TRY(step());
            if (out_.size() > kLongestOutput) return refuse("it grows too long");
        }
        if (groups_.size() != 1) return refuse("a group is not closed");
        close_options();
        return std::move(out_);
    }

private:
    struct Group {
        size_t start;    // where it begins in out_
        int options = 0; // groups of ours to close before its end: each (?i) opened one
    };

    Error refuse(const std::string& why) const {
        return {ErrorCode::unsupported, why + " (at byte " + std::to_string(at_) + ")", {}};
    }
    bool ahead(std::string_view what) const { return in_.substr(at_, what.size()) == what; }
    char peek(size_t i = 0) const { return at_ + i < in_.size() ? in_[at_ + i] : '\0'; }

    void open_group(size_t start) { groups_.push_back({start}); }
    void close_options() { out_.append(size_t(groups_.back().options), ')'); }
    void atom(std::string_view text) {
        atom_ = out_.size();
        out_ += text;
    }

    Status step() {
        switch (const char c = peek(); c) {
        case '\\': return escape();
        case '[': {
            CharacterSet set;
            weft_TRY(char_class(set, 0));
            atom(set.text(false));
            return Ok{};
        }
        case '(': return group();
        case ')':
            if (groups_.size() == 1) return refuse("a group is closed that is not open");
            ++at_;
            close_options();
            out_ += ')';
            atom_ = groups_.back().start;
            groups_.pop_back();
            return Ok{};
        case '{': return interval();
        case '*':
        case '+':
        case '?':
        case '|':
            ++at_;
            out_ += c;
            return Ok{};
        default: {
            const size_t bytes = code_point_at(in_, at_).bytes;
            atom(in_.substr(at_, bytes));
            at_ += bytes;
            return Ok{};
        }
        }
    }

    // {n}, {n,}, {,m} and {n,m}. A + after one repeats it again (it is not possessive), and so does a ? after {n}.
    Status interval() {
        size_t end = at_ + 1;
        const auto digits = [&] {
            const size_t begin = end;
            while (end < in_.size() && in_[end] >= '0' && in_[end] <= '9') ++end;
            return std::string(in_.substr(begin, end - begin));
        };
        const std::string low = digits();
        const bool comma = end < in_.size() && in_[end] == ',';
        if (comma) ++end;
        const std::string high = comma ? digits() : low;
        if (end >= in_.size() || in_[end] != '}' || (low.empty() && high.empty())) { // no interval, so plain text
            atom("\\{");
            ++at_;
            return Ok{};
        }
        at_ = end + 1;
        std::string text = "{" + (low.empty() ? "0" : low);
        if (comma) text += "," + high;
        out_ += text + "}";
        if (peek() == '+' || (peek() == '?' && !comma)) {
            out_.insert(atom_, "(?:");
            out_ += ')';
        }
        return Ok{};
    }

    Status group() {
        if (groups_.size() > kDeepestGroup) return refuse("groups are nested too deeply");
        if (ahead("(*")) return refuse("(* is not supported"); // PCRE2's verbs and settings
        if (!ahead("(?")) {
            open_group(out_.size());
            out_ += '(';
            ++at_;
            return Ok{};
        }
        if (ahead("(?#")) {
            const size_t end = in_.find(')', at_);
            if (end == in_.npos) return refuse("a comment is not closed");
            at_ = end + 1;
            return Ok{};
        }
        for (std::string_view plain : {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"}) {
            if (!ahead(plain)) continue;
            open_group(out_.size());
            out_ += plain;
            at_ += plain.size();
            return Ok{};
        }
        if (ahead("(?<") || ahead("(?'")) { // a name
            const size_t end = in_.find(peek(2) == '<' ? '>' : '\'', at_ + 3);
            if (end == in_.npos) return refuse("a name is not closed");
            open_group(out_.size());
            out_ += in_.substr(at_, end + 1 - at_);
            at_ = end + 1;
            return Ok{};
        }
        return options();
    }

    // (?i:...) and (?i). The second holds to the end of its group, alternatives included, so it opens a group of ours.
    Status options() {
        size_t end = at_ + 2;
        std::string letters;
        for (; end < in_.size() && std::string_view("imx-").find(in_[end]) != std::string_view::npos; ++end) {
            if (in_[end] == 'x') return refuse("the option x is not supported");
            letters += in_[end] == 'm' ? 's' : in_[end]; // "multi-line" means that . matches a line end
        }
        if (letters.empty() || end >= in_.size() || (in_[end] != ':' && in_[end] != ')'))
            return refuse("a group of an unknown kind");
        const size_t start = out_.size();
        out_ += "(?" + letters + ":";
        if (in_[end] == ':') open_group(start);
        else ++groups_.back().options;
        at_ = end + 1;
        return Ok{};
    }

    // An escape outside a class.
    Status escape() {
        if (at_ + 1 >= in_.size()) return refuse("a backslash ends the pattern");
        static const std::string word = "[" + with_new_characters(kWord) + std::string(kOddWord) + "]";
        static const std::string boundary = "(?<=" + word + ")(?!" + word + ")|(?<!" + word + ")(?=" + word + ")";
        switch (const char c = peek(1); c) {
        case 'b': atom("(?:" + boundary + ")"); break;
        case 'B': atom("(?!" + boundary + ")"); break;
        case 'A':
        case 'z':
        case 'Z':
        case 'R':
        case 'X':
        case 'N':
        case 'K': atom(in_.substr(at_, 2)); break;
        case 'O': atom("(?s:.)"); break;
        case 'G':
        case 'g':
        case 'y':
        case 'Y':
        case 'Q':
        case 'E':
        case 'C': return refuse(std::string("\\") + c + " is not supported");
        case 'k': {
            const size_t end = in_.find(peek(2) == '\'' ? '\'' : '>', at_ + 3);
            if (end == in_.npos) return refuse("a back-reference is not closed");
            atom(in_.substr(at_, end + 1 - at_));
            at_ = end + 1;
            return Ok{};
        }
        default: {
            if (c >= '1' && c <= '9') { // a back-reference: one group is matched again
                atom("\\g{" + std::string(1, c) + "}");
                if (peek(2) >= '0' && peek(2) <= '9') return refuse("a back-reference over 9");
                break;
            }
            CharacterSet set;
            weft_TRY(set_escape(set, false));
            atom(set.text(false));
            return Ok{};
        }
        }
        at_ += 2;
        return Ok{};
    }

    // An escape that means a character or a set of them, inside or outside a class.
    Status set_escape(CharacterSet& set, bool in_class) {
        const char c = peek(1);
        at_ += 2;
        switch (c) {
        case 'd': set.add(kDigit, false); return Ok{};
        case 'D': set.add(kDigit, true); return Ok{};
        case 's': set.add(kSpace, false); return Ok{};
        case 'S': set.add(kSpace, true); return Ok{};
        case 'w':
        case 'W': set.add(std::string(kWord) + std::string(in_class ? "" : kOddWord), c == 'W'); return Ok{};
        case 'h': set.add(kHex, false); return Ok{};
        case 'H': set.add(kHex, true); return Ok{};
        case 'p':
        case 'P': return property(set, c == 'P');
        default: break;
        }
        at_ -= 2;
        std::string text;
        weft_TRY(one_escape(text));
        set.inside += text;
        return Ok{};
    }

    // An escape that means one character, as \x{...}.
    Status one_escape(std::string& text) {
        const char c = peek(1);
        at_ += 2;
        const auto number = [&](size_t most, int base) {
            uint32_t value = 0;
            size_t count = 0;
            for (; count < most; ++count) {
                const char d = peek();
                const int digit = d >= '0' && d <= '9'   ? d - '0'
                                  : d >= 'a' && d <= 'f' ? d - 'a' + 10
                                  : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                                         : 99;
                if (digit >= base) break;
                value = value * uint32_t(base) + uint32_t(digit);
                ++at_;
            }
            return std::pair(value, count);
        };
        uint32_t value = 0;
        switch (c) {
        case 't': value = 9; break;
        case 'n': value = 10; break;
        case 'v': value = 11; break;
        case 'f': value = 12; break;
        case 'r': value = 13; break;
        case 'a': value = 7; break;
        case 'e': value = 27; break;
        case 'b': value = 8; break; // only reached inside a class
        case '0': value = number(2, 8).first; break;
        case 'u': {
            const auto [v, count] = number(4, 16);
            if (count != 4) return refuse("\\u needs four digits");
            value = v;
            break;
        }
        case 'x': {
            const bool braces = peek() == '{';
            if (braces) ++at_;
            const auto [v, count] = number(braces ? 6 : 2, 16);
            if (count == 0 || (braces && peek() != '}')) return refuse("\\x needs hexadecimal digits");
            if (braces) ++at_;
            if (!braces && v > 0x7f) return refuse("\\x over 7f without braces is a byte, not a character");
            value = v;
            break;
        }
        default:
            if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '1' && c <= '9'))
                return refuse(std::string("\\") + c + " is not supported");
            --at_;
            value = code_point_at(in_, at_).value;
            at_ += code_point_at(in_, at_).bytes;
        }
        if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return refuse("no such character");
        text = quoted(value);
        return Ok{};
    }

    static std::string quoted(char32_t c) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80;
        std::string out;
        if (plain) {
            append_code_point(out, c);
            return out;
        }
        constexpr char digits[] = "0123456789abcdef";
        return std::string("\\x") + digits[c >> 4] + digits[c & 15];
    }

    // \p{Name}, \p{^Name}, after the p.
    Status property(CharacterSet& set, bool negated) {
        if (peek() != '{') return refuse("\\p needs a name in braces");
        const size_t end = in_.find('}', at_);
        if (end == in_.npos || end - at_ > 64) return refuse("a property's name is not closed");
        std::string name(in_.substr(at_ + 1, end - at_ - 1));
        at_ = end + 1;
        if (!name.empty() && name[0] == '^') {
            negated = !negated;
            name.erase(0, 1);
        }
        const auto inside = property_inside(name);
        if (!inside) return refuse("no such property: " + name);
        set.add(*inside, negated);
        return Ok{};
    }

    // [:name:] and [:^name:] inside a class; nothing if it is not one.
    bool posix(CharacterSet& set) {
        const size_t end = in_.find(":]", at_ + 2);
        if (end == in_.npos || end - at_ > 20) return false;
        std::string_view name = in_.substr(at_ + 2, end - at_ - 2);
        const bool negated = !name.empty() && name[0] == '^';
        if (negated) name.remove_prefix(1);
        const auto inside = posix_inside(name);
        if (!inside) return false;
        set.add(*inside, negated);
        at_ = end + 2;
        return true;
    }

    // A class, from its [ on: adds its characters to `into`.
    Status char_class(CharacterSet& into, int depth) {
        if (depth > kDeepestClass) return refuse("classes are nested too deeply");
        ++at_;
        const bool negated = peek() == '^';
        if (negated) ++at_;
        CharacterSet set;
        std::vector<std::string> operands; // of &&
        for (bool first = true;; first = false) {
            if (at_ >= in_.size()) return refuse("a class is not closed");
            const char c = peek();
            if (c == ']' && !first) break;
            if (ahead("&&")) {
                at_ += 2;
                operands.push_back(set.text(false));
                set = {};
                continue;
            }
            if (c == '[') {
                if (ahead("[:") && posix(set)) continue;
                weft_TRY(char_class(set, depth + 1));
                continue;
            }
            weft_TRY(class_item(set));
        }
        ++at_;
        if (!operands.empty()) {
            operands.push_back(set.text(false));
            std::string all;
            for (size_t i = 0; i + 1 < operands.size(); ++i) all += "(?=" + operands[i] + ")";
            set = {};
            set.others.push_back("(?:" + all + operands.back() + ")");
        }
        if (negated) {
            into.others.push_back(set.text(true));
        } else {
            into.inside += set.inside;
            into.others.insert(into.others.end(), set.others.begin(), set.others.end());
        }
        return Ok{};
    }

    // A character, an escape or a range.
    Status class_item(CharacterSet& set) {
        std::string low;
        weft_TRY(class_character(set, low));
        if (low.empty()) return Ok{}; // it was a set
        set.inside += low;
        if (peek() != '-' || peek(1) == ']' || peek(1) == '\0' || peek(1) == '[' || in_.substr(at_ + 1, 2) == "&&")
            return Ok{};
        ++at_;
        std::string high;
        weft_TRY(class_character(set, high));
        if (high.empty()) return refuse("a range ends in a set");
        set.inside += "-" + high;
        return Ok{};
    }

    Status class_character(CharacterSet& set, std::string& text) {
        if (peek() == '\\') {
            if (at_ + 1 >= in_.size()) return refuse("a backslash ends the pattern");
            if (std::string_view("dDsSwWhHpP").find(peek(1)) != std::string_view::npos) return set_escape(set, true);
            if (std::string_view("RXKNOBAzZG").find(peek(1)) != std::string_view::npos)
                return refuse("this escape does not belong in a class");
            return one_escape(text);
        }
        const CodePoint c = code_point_at(in_, at_);
        at_ += c.bytes;
        text = quoted(c.value);
        return Ok{};
    }

    std::string_view in_;
    size_t at_ = 0;
    std::string out_;
    size_t atom_ = 0; // where the last atom begins in out_, for a quantifier
    std::vector<Group> groups_;
};

} // namespace

Result<std::string> pcre2_from_oniguruma(std::string_view pattern) { return Rewriter(pattern).run(); }

} // namespace weft::detail::text
