// SPDX-License-Identifier: Apache-2.0
// Filters that make text.
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

bool is_markup(const Value& value) { return value.is_string() && value.string().markup(); }

// The value as text: text as it is, all else by str().
Result<Value> soft_text(Interpreter& in, const Value& value) {
    if (value.is_string()) return value;
    weft_ASSIGN(std::string text, str(in, value));
    return in.text(std::move(text));
}

template <std::string (*kChange)(std::string_view)>
Result<Value> changed(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const Value text, soft_text(in, a.positional[0]));
    return in.make(kChange(text.text()), is_markup(text));
}

// Capitals at the beginning and after blanks, hyphens and opening brackets.
std::string titled(std::string_view text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        const auto separates = [&](size_t i) {
            return is_space(code_point_at(text, i).value) ||
                   std::string_view("-({[<").find(text[i]) != std::string_view::npos;
        };
        size_t end = at;
        while (end < text.size() && !separates(end)) end += code_point_at(text, end).bytes;
        if (end > at) {
            const size_t first = code_point_at(text, at).bytes;
            out += upper_case(text.substr(at, first)) + lower_case(text.substr(at + first, end - at - first));
        }
        at = end;
        while (at < text.size() && separates(at)) {
            const size_t bytes = code_point_at(text, at).bytes;
            out += text.substr(at, bytes);
            at += bytes;
        }
    }
    return out;
}

Result<Value> string(Interpreter& in, Arguments& a) { return soft_text(in, a.positional[0]); }

// A method of the value as text.
Result<Value> method(Interpreter& in, std::string_view name, Arguments arguments) {
    weft_ASSIGN(arguments.positional[0], soft_text(in, arguments.positional[0]));
    const Builtin& row = *find_method(arguments.positional[0], name); // before the arguments are moved
    return call_builtin(in, row, std::move(arguments));
}

Result<Value> trim(Interpreter& in, Arguments& a) {
    return method(in, "strip", {{a.positional[0], a.positional[1].is_missing() ? Value::none() : a.positional[1]}, {}});
}

Result<Value> center(Interpreter& in, Arguments& a) {
    return method(in, "center",
                  {{a.positional[0], a.positional[1].is_missing() ? Value::integer(80) : a.positional[1]}, {}});
}

Result<Value> replace(Interpreter& in, Arguments& a) {
    std::string parts[3];
    for (size_t i = 0; i < 3; ++i) weft_TRY(append_str(in, parts[i], a.positional[i]));
    weft_ASSIGN(const int64_t most, integer_or(a.positional[3], -1, "count"));
    weft_ASSIGN(std::string out, replaced(in, parts[0], parts[1], parts[2], most));
    return in.text(std::move(out));
}

Result<Value> indent(Interpreter& in, Arguments& a) {
    weft_ASSIGN(std::string text, text_argument(a.positional[0], "s"));
    std::string indention(4, ' ');
    if (a.positional[1].is_string()) {
        indention = a.positional[1].text();
    } else if (!a.positional[1].is_missing()) {
        weft_ASSIGN(const int64_t width, integer_argument(a.positional[1], "width"));
        weft_TRY(in.room(uint64_t(std::max<int64_t>(width, 0))));
        indention.assign(size_t(std::max<int64_t>(width, 0)), ' ');
    }
    const bool first = flag_or(a.positional[2], false), blank = flag_or(a.positional[3], false);
    text += '\n'; // so that a last empty line counts
    std::string out = first ? indention : "";
    bool is_first = true;
    for (const std::string_view line : split_lines(text)) {
        if (!is_first) out += '\n';
        if (!is_first && (blank || !line.empty())) out += indention;
        out += line;
        is_first = false;
        weft_TRY(in.step(1 + indention.size() / 64));
        weft_TRY(in.room(out.size()));
    }
    return in.make(std::move(out), is_markup(a.positional[0]));
}

Result<Value> truncate(Interpreter& in, Arguments& a) {
    weft_TRY(text_argument(a.positional[0], "s"));
    const String& text = a.positional[0].string();
    weft_ASSIGN(const int64_t length, integer_or(a.positional[1], 255, "length"));
    const Value end = a.positional[3].is_missing() ? in.text("...") : a.positional[3];
    weft_TRY(text_argument(end, "end"));
    weft_ASSIGN(const int64_t leeway, integer_or(a.positional[4], 5, "leeway"));
    const int64_t end_length = int64_t(end.string().length());
    if (length < end_length)
        return failure("expected length >= " + std::to_string(end_length) + ", got " + std::to_string(length));
    if (leeway < 0) return failure("expected leeway >= 0, got " + std::to_string(leeway));
    if (int64_t(text.length()) - leeway <= length) return a.positional[0];
    std::string out = text.bytes().substr(0, text.offset(size_t(length - end_length)));
    if (!flag_or(a.positional[2], false)) out.resize(std::min(out.rfind(' '), out.size()));
    return in.text(out + end.text());
}

Result<Value> wordcount(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const Value value, soft_text(in, a.positional[0]));
    int64_t words = 0;
    bool in_word = false;
    for (size_t at = 0; at < value.text().size();) {
        const CodePoint c = code_point_at(value.text(), at);
        const bool word = c.value == '_' || is_letter(c.value) || is_numeric(c.value);
        words += word && !in_word;
        in_word = word;
        at += c.bytes;
    }
    return Value::integer(words);
}

Result<Value> escape(Interpreter& in, Arguments& a) {
    if (is_markup(a.positional[0])) return a.positional[0];
    weft_ASSIGN(const std::string text, str(in, a.positional[0]));
    return in.markup(escaped(text));
}

Result<Value> forceescape(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const std::string text, str(in, a.positional[0]));
    return in.markup(escaped(text));
}

Result<Value> safe(Interpreter& in, Arguments& a) {
    weft_ASSIGN(std::string text, str(in, a.positional[0]));
    return in.markup(std::move(text));
}

Result<Value> striptags(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const std::string text, str(in, a.positional[0]));
    return in.text(without_tags(text));
}

std::string quoted(std::string_view text, bool in_query) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("_.-~").find(c) != std::string_view::npos || (c == '/' && !in_query);
        if (plain) {
            out += c;
        } else if (c == ' ' && in_query) {
            out += '+';
        } else {
            out += '%';
            out += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4];
            out += "0123456789ABCDEF"[c & 15];
        }
    }
    return out;
}

Result<Value> urlencode(Interpreter& in, Arguments& a) {
    const Value& value = a.positional[0];
    if (value.is_string() || !iterable(value)) {
        weft_ASSIGN(const std::string text, str(in, value));
        return in.text(quoted(text, false));
    }
    Value pairs = value;
    if (value.is(Kind::dict)) {
        weft_ASSIGN(pairs, call_builtin(in, *find_method(value, "items"), {{value}, {}}));
    }
    weft_ASSIGN(const std::vector<Value> items, collect(in, pairs));
    std::string out;
    for (const Value& item : items) {
        weft_ASSIGN(const std::vector<Value> pair, collect(in, item));
        if (pair.size() != 2) return failure("urlencode() wants pairs");
        weft_ASSIGN(const std::string key, str(in, pair[0]));
        weft_ASSIGN(const std::string text, str(in, pair[1]));
        out += (out.empty() ? "" : "&") + quoted(key, true) + "=" + quoted(text, true);
    }
    return in.text(std::move(out));
}

Result<Value> xmlattr(Interpreter& in, Arguments& a) {
    if (!a.positional[0].is(Kind::dict))
        return failure("xmlattr() wants a dict, not " + std::string(a.positional[0].type_name()));
    std::string out;
    for (const auto& [key, value] : a.positional[0].dict().items()) {
        if (value.is_none() || value.is_undefined()) continue;
        weft_ASSIGN(const std::string name, text_argument(key, "key"));
        if (name.find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
            return failure("Invalid character in attribute name: '" + name + "'");
        weft_ASSIGN(const std::string text, str(in, value));
        if (!out.empty() || flag_or(a.positional[1], true)) out += ' ';
        out += escaped(name) + "=\"" + (is_markup(value) ? text : escaped(text)) + "\"";
    }
    return in.text(std::move(out));
}

Result<Value> format(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const Value pattern, soft_text(in, a.positional[0]));
    Value with;
    if (!a.keyword.empty()) {
        if (a.positional.size() > 1) return failure("can't handle positional and keyword arguments at the same time");
        auto named = in.new_dict();
        for (const auto& [key, value] : a.keyword) named->put(in.text(key), value);
        with = in.dict(std::move(named));
    } else {
        with = in.tuple({a.positional.begin() + 1, a.positional.end()});
    }
    weft_ASSIGN(std::string out, format_percent(in, pattern, with));
    return in.make(std::move(out), is_markup(pattern));
}

Result<Value> tojson(Interpreter& in, Arguments& a) {
    JsonStyle style;
    style.ensure_ascii = flag_or(a.positional[1], false);
    style.sort_keys = flag_or(a.positional[4], false);
    const Value& wide = a.positional[2];
    if (wide.is_string()) {
        style.indent = wide.text();
    } else if (wide.is_integral()) {
        weft_TRY(in.room(uint64_t(std::max<int64_t>(wide.as_integer(), 0))));
        style.indent = std::string(size_t(std::max<int64_t>(wide.as_integer(), 0)), ' ');
    } else if (!wide.is_missing() && !wide.is_none()) {
        return failure("tojson() argument 'indent' must be an integer or text");
    }
    if (style.indent) style.item_separator = ",";
    if (!a.positional[3].is_missing() && !a.positional[3].is_none()) {
        weft_ASSIGN(const std::vector<Value> separators, collect(in, a.positional[3]));
        if (separators.size() != 2) return failure("tojson() argument 'separators' must be a pair");
        weft_ASSIGN(style.item_separator, text_argument(separators[0], "separators"));
        weft_ASSIGN(style.key_separator, text_argument(separators[1], "separators"));
    }
    std::string out;
    weft_TRY(append_json(in, out, a.positional[0], style));
    return in.text(std::move(out));
}

const Builtin kTextFilters[] = {
    {"upper", {"s"}, 1, changed<upper_case>},
    {"lower", {"s"}, 1, changed<lower_case>},
    {"capitalize", {"s"}, 1, changed<capitalized>},
    {"title", {"s"}, 1, changed<titled>},
    {"string", {"object"}, 1, string},
    {"trim", {"value", "chars"}, 1, trim},
    {"center", {"value", "width"}, 1, center},
    {"replace", {"s", "old", "new", "count"}, 3, replace},
    {"indent", {"s", "width", "first", "blank"}, 1, indent},
    {"truncate", {"s", "length", "killwords", "end", "leeway"}, 1, truncate},
    {"wordcount", {"s"}, 1, wordcount},
    {"escape", {"s"}, 1, escape},
    {"e", {"s"}, 1, escape},
    {"forceescape", {"value"}, 1, forceescape},
    {"safe", {"value"}, 1, safe},
    {"striptags", {"value"}, 1, striptags},
    {"urlencode", {"value"}, 1, urlencode},
    {"xmlattr", {"d", "autospace"}, 1, xmlattr},
    {"format", {"value", "*"}, 1, format},
    {"tojson", {"x", "ensure_ascii", "indent", "separators", "sort_keys"}, 1, tojson},
};

} // namespace

Table text_filters() { return kTextFilters; }

} // namespace weft::detail::jinja
