// SPDX-License-Identifier: Apache-2.0
// Methods of text that ask about its characters, change their case, or lay it out.
#include "jinja/access.hpp"
#include "jinja/builtins.hpp"
#include "jinja/format.hpp"
#include "jinja/markup.hpp"
#include "jinja/operators.hpp"
#include "jinja/python_text.hpp"
#include "jinja/strings.hpp"
#include "unicode/unicode.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>

namespace weft::detail::jinja {
namespace {

template <std::string (*kChange)(std::string_view)>
Result<Value> changed(Interpreter& in, Arguments& a) {
    return in.make(kChange(self(a).bytes()), self(a).markup());
}

// Whether every character of a text that is not empty is `kIs`.
template <bool (*kIs)(char32_t)>
Result<Value> all_are(Interpreter&, Arguments& a) {
    const std::string_view text = self(a).bytes();
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        if (!kIs(c.value)) return Value::boolean(false);
        at += c.bytes;
    }
    return Value::boolean(!text.empty());
}

bool is_letter_or_number(char32_t c) { return is_letter(c) || is_numeric(c); }

Result<Value> is_printable_text(Interpreter& in, Arguments& a) {
    return self(a).bytes().empty() ? Value::boolean(true) : all_are<is_printable>(in, a);
}

Result<Value> is_ascii(Interpreter&, Arguments& a) { return Value::boolean(self(a).ascii()); }

Result<Value> is_identifier(Interpreter&, Arguments& a) {
    const std::string_view text = self(a).bytes();
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        if (!(c.value == '_' || is_letter(c.value) || (at > 0 && is_word(c.value)))) return Value::boolean(false);
        at += c.bytes;
    }
    return Value::boolean(!text.empty());
}

// At least one cased character, and none of the other case.
template <bool kUpper>
Result<Value> is_case(Interpreter&, Arguments& a) {
    bool found = false;
    const std::string_view text = self(a).bytes();
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        if (is_title(c.value) || (kUpper ? is_lower(c.value) : is_upper(c.value))) return Value::boolean(false);
        found = found || (kUpper ? is_upper(c.value) : is_lower(c.value));
        at += c.bytes;
    }
    return Value::boolean(found);
}

Result<Value> is_title_text(Interpreter&, Arguments& a) {
    bool found = false, in_word = false;
    const std::string_view text = self(a).bytes();
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        const bool upper = is_upper(c.value) || is_title(c.value), lower = is_lower(c.value);
        if ((upper && in_word) || (lower && !in_word)) return Value::boolean(false);
        found = found || upper || lower;
        in_word = upper || lower;
        at += c.bytes;
    }
    return Value::boolean(found);
}

template <char kAlign>
Result<Value> justify(Interpreter& in, Arguments& a) {
    FormatSpec spec;
    spec.align = kAlign;
    weft_ASSIGN(spec.width, integer_argument(a.positional[1], "width"));
    if (!a.positional[2].is_missing()) {
        weft_ASSIGN(spec.fill, text_argument(a.positional[2], "fillchar"));
        if (a.positional[2].string().length() != 1)
            return failure("The fill character must be exactly one character long");
    }
    if (kAlign == '^') return centered(in, a.positional[0], spec.width, spec.fill);
    spec.width = std::max<int64_t>(spec.width, 0);
    weft_ASSIGN(std::string out, aligned(in, "", self(a).bytes(), spec, kAlign));
    return in.make(std::move(out), self(a).markup());
}

Result<Value> zfill(Interpreter& in, Arguments& a) {
    FormatSpec spec;
    weft_ASSIGN(spec.width, integer_argument(a.positional[1], "width"));
    spec.width = std::max<int64_t>(spec.width, 0);
    spec.fill = "0";
    const std::string_view text = self(a).bytes();
    const size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    weft_ASSIGN(std::string out, aligned(in, text.substr(0, sign), text.substr(sign), spec, '='));
    return in.make(std::move(out), self(a).markup());
}

Result<Value> expandtabs(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const int64_t size, integer_or(a.positional[1], 8, "tabsize"));
    std::string out;
    int64_t column = 0;
    for (const char c : self(a).bytes()) {
        if (c == '\t') {
            const int64_t blanks = size > 0 ? size - column % size : 0;
            weft_TRY(in.room(out.size() + uint64_t(blanks)));
            weft_TRY(in.step(1 + uint64_t(blanks) / 64));
            out.append(size_t(blanks), ' ');
            column += blanks;
        } else {
            out += c;
            if (c == '\n' || c == '\r') column = 0;
            else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++column;
        }
    }
    return in.make(std::move(out), self(a).markup());
}

Result<Value> join(Interpreter& in, Arguments& a) {
    if (!iterable(a.positional[1])) return failure("can only join an iterable");
    weft_ASSIGN(const auto items, iterate(in, a.positional[1]));
    std::string out;
    for (size_t i = 0;; ++i) {
        Value item;
        weft_ASSIGN(const bool more, items->next(in, item));
        if (!more) break;
        if (!item.is_string())
            return failure("sequence item " + std::to_string(i) + ": expected str instance, " +
                           std::string(item.type_name()) + " found");
        if (i > 0) out += self(a).bytes();
        out += self(a).markup() && !item.string().markup() ? escaped(item.text()) : item.text();
        weft_TRY(in.step(1 + (item.text().size() + self(a).bytes().size()) / 64));
        weft_TRY(in.room(out.size()));
    }
    return in.make(std::move(out), self(a).markup());
}

Result<Value> format(Interpreter& in, Arguments& a) {
    const Value self = a.positional[0];
    a.positional.erase(a.positional.begin());
    weft_ASSIGN(std::string out, format_braces(in, self.text(), a));
    return in.make(std::move(out), self.string().markup());
}

Result<Value> format_map(Interpreter& in, Arguments& a) {
    if (!a.positional[1].is(Kind::dict)) return failure("format_map() takes a mapping");
    Arguments with;
    for (const auto& [key, value] : a.positional[1].dict().items())
        if (key.is_string()) with.keyword.emplace_back(key.text(), value);
    weft_ASSIGN(std::string out, format_braces(in, self(a).bytes(), with));
    return in.text(std::move(out));
}

const Builtin kCaseMethods[] = {
    {"upper", {"self"}, 1, changed<upper_case>},
    {"lower", {"self"}, 1, changed<lower_case>},
    {"capitalize", {"self"}, 1, changed<capitalized>},
    {"title", {"self"}, 1, changed<title_case>},
    {"swapcase", {"self"}, 1, changed<swapped_case>},
    {"casefold", {"self"}, 1, changed<folded_case>},
    {"isupper", {"self"}, 1, is_case<true>},
    {"islower", {"self"}, 1, is_case<false>},
    {"istitle", {"self"}, 1, is_title_text},
    {"isalpha", {"self"}, 1, all_are<is_letter>},
    {"isalnum", {"self"}, 1, all_are<is_letter_or_number>},
    {"isdecimal", {"self"}, 1, all_are<is_decimal>},
    {"isdigit", {"self"}, 1, all_are<is_digit>},
    {"isnumeric", {"self"}, 1, all_are<is_numeric>},
    {"isspace", {"self"}, 1, all_are<is_space>},
    {"isprintable", {"self"}, 1, is_printable_text},
    {"isascii", {"self"}, 1, is_ascii},
    {"isidentifier", {"self"}, 1, is_identifier},
};

const Builtin kLayoutMethods[] = {
    {"ljust", {"self", "width", "fillchar"}, 2, justify<'<'>},
    {"rjust", {"self", "width", "fillchar"}, 2, justify<'>'>},
    {"center", {"self", "width", "fillchar"}, 2, justify<'^'>},
    {"zfill", {"self", "width"}, 2, zfill},
    {"expandtabs", {"self", "tabsize"}, 1, expandtabs},
    {"join", {"self", "iterable"}, 2, join},
    {"format", {"self", "*"}, 1, format},
    {"format_map", {"self", "mapping"}, 2, format_map},
};

} // namespace

Table string_case_methods() { return kCaseMethods; }
Table string_layout_methods() { return kLayoutMethods; }

Result<Value> centered(Interpreter& in, const Value& value, int64_t width, const std::string& fill) {
    const int64_t length = int64_t(value.string().length());
    if (width <= length) return value;
    weft_TRY(in.room(uint64_t(width), fill.size()));
    // An odd blank goes left where the width is odd.
    const int64_t padding = width - length, left = padding / 2 + (padding & width & 1);
    std::string out;
    for (int64_t i = 0; i < left; ++i) out += fill;
    out += value.text();
    for (int64_t i = left; i < padding; ++i) out += fill;
    return in.make(std::move(out), value.string().markup());
}

} // namespace weft::detail::jinja
