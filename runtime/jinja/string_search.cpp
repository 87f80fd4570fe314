// SPDX-License-Identifier: Apache-2.0
// Methods of text that look for something in it: find, split, replace, strip and their like.
#include "jinja/access.hpp"
#include "jinja/builtins.hpp"
#include "jinja/strings.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>

namespace weft::detail::jinja {
namespace {

Value like(Interpreter& in, const Arguments& a, std::string_view text) {
    return in.make(std::string(text), self(a).markup());
}

// The stretch of the text that arguments `start` and `end` choose.
struct Stretch {
    std::string_view text;
    size_t offset = 0;
    bool valid = true; ///< false: the start lies beyond the end
};
Result<Stretch> stretch(const Arguments& a) {
    const int64_t length = int64_t(self(a).length());
    weft_ASSIGN(const int64_t start, integer_or(a.positional[2], 0, "start"));
    weft_ASSIGN(const int64_t end, integer_or(a.positional[3], length, "end"));
    const int64_t to = clamp_index(end, length), from = start < 0 ? clamp_index(start, length) : start;
    if (from > to) return Stretch{{}, 0, false};
    const size_t begin = self(a).offset(size_t(from)), stop = self(a).offset(size_t(to));
    return Stretch{std::string_view(self(a).bytes()).substr(begin, stop - begin), begin, true};
}

template <bool kBackward, bool kMust>
Result<Value> find(Interpreter&, Arguments& a) {
    weft_ASSIGN(const std::string what, text_argument(a.positional[1], "sub"));
    weft_ASSIGN(const Stretch in, stretch(a));
    const size_t at = !in.valid ? std::string::npos : kBackward ? rfind_text(in.text, what) : find_text(in.text, what);
    if (at != std::string::npos) return Value::integer(int64_t(self(a).index_at(in.offset + at)));
    if (kMust) return failure("substring not found");
    return Value::integer(-1);
}

Result<Value> count(Interpreter&, Arguments& a) {
    weft_ASSIGN(const std::string what, text_argument(a.positional[1], "sub"));
    weft_ASSIGN(const Stretch in, stretch(a));
    if (!in.valid) return Value::integer(0);
    if (what.empty()) {
        const size_t first = self(a).index_at(in.offset), last = self(a).index_at(in.offset + in.text.size());
        return Value::integer(int64_t(last - first) + 1);
    }
    return Value::integer(int64_t(count_text(in.text, what)));
}

template <bool kEnds>
Result<Value> has_affix(Interpreter&, Arguments& a) {
    weft_ASSIGN(const Stretch in, stretch(a));
    const auto matches = [&](const std::string& what) {
        return in.valid && (kEnds ? in.text.ends_with(what) : in.text.starts_with(what));
    };
    const Value& what = a.positional[1];
    const std::string name = kEnds ? "endswith" : "startswith";
    if (what.is(Kind::tuple)) {
        for (const Value& one : what.list().items()) {
            if (!one.is_string())
                return failure("tuple for " + name + " must only contain str, not " + std::string(one.type_name()));
            if (matches(one.text())) return Value::boolean(true);
        }
        return Value::boolean(false);
    }
    if (!what.is_string())
        return failure(name + " first arg must be str or a tuple of str, not " + std::string(what.type_name()));
    return Value::boolean(matches(what.text()));
}

// Splits at white space, at most `most` times; the rest keeps its inner white space.
Status split_space(Interpreter& in, const Arguments& a, int64_t most, bool backward, std::vector<Value>& out) {
    std::string_view rest = self(a).bytes();
    while (true) {
        backward ? rest.remove_suffix(trailing_space(rest)) : rest.remove_prefix(leading_space(rest));
        if (rest.empty()) return Ok{};
        weft_TRY(in.step());
        if (most >= 0 && int64_t(out.size()) == most) {
            out.push_back(like(in, a, rest));
            return Ok{};
        }
        size_t length = 0;
        while (length < rest.size()) {
            const CodePoint c = backward ? code_point_before(rest, rest.size() - length) : code_point_at(rest, length);
            if (is_space(c.value)) break;
            length += c.bytes;
        }
        out.push_back(like(in, a, backward ? rest.substr(rest.size() - length) : rest.substr(0, length)));
        backward ? rest.remove_suffix(length) : rest.remove_prefix(length);
    }
}

template <bool kBackward>
Result<Value> split(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const int64_t most, integer_or(a.positional[2], -1, "maxsplit"));
    std::vector<Value> out;
    if (a.positional[1].is_missing() || a.positional[1].is_none()) {
        weft_TRY(split_space(in, a, most, kBackward, out));
    } else {
        weft_ASSIGN(const std::string separator, text_argument(a.positional[1], "sep"));
        if (separator.empty()) return failure("empty separator");
        std::string_view rest = self(a).bytes();
        while (most < 0 || int64_t(out.size()) < most) {
            const size_t at = kBackward ? rfind_text(rest, separator) : find_text(rest, separator);
            if (at == rest.npos) break;
            weft_TRY(in.step());
            out.push_back(like(in, a, kBackward ? rest.substr(at + separator.size()) : rest.substr(0, at)));
            rest = kBackward ? rest.substr(0, at) : rest.substr(at + separator.size());
        }
        out.push_back(like(in, a, rest));
    }
    if (kBackward) std::reverse(out.begin(), out.end());
    return in.list(std::move(out));
}

Result<Value> splitlines(Interpreter& in, Arguments& a) {
    std::vector<Value> out;
    for (const std::string_view line : split_lines(self(a).bytes(), flag_or(a.positional[1], false))) {
        weft_TRY(in.step());
        out.push_back(like(in, a, line));
    }
    return in.list(std::move(out));
}

template <bool kBackward>
Result<Value> partition(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const std::string separator, text_argument(a.positional[1], "sep"));
    if (separator.empty()) return failure("empty separator");
    const std::string_view text = self(a).bytes();
    const size_t at = kBackward ? rfind_text(text, separator) : find_text(text, separator);
    if (at == text.npos)
        return in.tuple(kBackward ? std::vector{like(in, a, ""), like(in, a, ""), a.positional[0]}
                                  : std::vector{a.positional[0], like(in, a, ""), like(in, a, "")});
    return in.tuple(
        {like(in, a, text.substr(0, at)), like(in, a, separator), like(in, a, text.substr(at + separator.size()))});
}

Result<Value> replace(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const std::string from, text_argument(a.positional[1], "old"));
    weft_ASSIGN(const std::string to, text_argument(a.positional[2], "new"));
    weft_ASSIGN(const int64_t most, integer_or(a.positional[3], -1, "count"));
    weft_ASSIGN(std::string out, replaced(in, self(a).bytes(), from, to, most));
    return in.make(std::move(out), self(a).markup());
}

enum Sides { left = 1, right = 2 };

template <int kSides>
Result<Value> strip(Interpreter& in, Arguments& a) {
    std::string_view text = self(a).bytes();
    if (a.positional[1].is_missing() || a.positional[1].is_none()) {
        if (kSides & left) text.remove_prefix(leading_space(text));
        if (kSides & right) text.remove_suffix(trailing_space(text));
        return like(in, a, text);
    }
    weft_ASSIGN(const std::string chars, text_argument(a.positional[1], "chars"));
    std::vector<char32_t> set;
    for (size_t at = 0; at < chars.size(); at += code_point_at(chars, at).bytes)
        set.push_back(code_point_at(chars, at).value);
    std::sort(set.begin(), set.end());
    const auto dropped = [&](char32_t c) { return std::binary_search(set.begin(), set.end(), c); };
    while ((kSides & left) && !text.empty() && dropped(code_point_at(text, 0).value))
        text.remove_prefix(code_point_at(text, 0).bytes);
    while ((kSides & right) && !text.empty() && dropped(code_point_before(text, text.size()).value))
        text.remove_suffix(code_point_before(text, text.size()).bytes);
    return like(in, a, text);
}

template <bool kSuffix>
Result<Value> remove_affix(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const std::string affix, text_argument(a.positional[1], kSuffix ? "suffix" : "prefix"));
    std::string_view text = self(a).bytes();
    if (kSuffix && text.ends_with(affix)) text.remove_suffix(affix.size());
    if (!kSuffix && text.starts_with(affix)) text.remove_prefix(affix.size());
    return like(in, a, text);
}

const Builtin kMethods[] = {
    {"find", {"self", "sub", "start", "end"}, 2, find<false, false>},
    {"rfind", {"self", "sub", "start", "end"}, 2, find<true, false>},
    {"index", {"self", "sub", "start", "end"}, 2, find<false, true>},
    {"rindex", {"self", "sub", "start", "end"}, 2, find<true, true>},
    {"count", {"self", "sub", "start", "end"}, 2, count},
    {"startswith", {"self", "prefix", "start", "end"}, 2, has_affix<false>},
    {"endswith", {"self", "suffix", "start", "end"}, 2, has_affix<true>},
    {"split", {"self", "sep", "maxsplit"}, 1, split<false>},
    {"rsplit", {"self", "sep", "maxsplit"}, 1, split<true>},
    {"splitlines", {"self", "keepends"}, 1, splitlines},
    {"partition", {"self", "sep"}, 2, partition<false>},
    {"rpartition", {"self", "sep"}, 2, partition<true>},
    {"replace", {"self", "old", "new", "count"}, 3, replace},
    {"strip", {"self", "chars"}, 1, strip<left | right>},
    {"lstrip", {"self", "chars"}, 1, strip<left>},
    {"rstrip", {"self", "chars"}, 1, strip<right>},
    {"removeprefix", {"self", "prefix"}, 2, remove_affix<false>},
    {"removesuffix", {"self", "suffix"}, 2, remove_affix<true>},
};

} // namespace

Table string_search_methods() { return kMethods; }

Result<std::string> replaced(Interpreter& in, std::string_view text, std::string_view from, std::string_view to,
                             int64_t most) {
    std::string out;
    int64_t done = 0;
    size_t at = 0;
    const auto put = [&]() -> Status {
        out += to;
        ++done;
        if (done % 1024 == 0) weft_TRY(in.room(out.size()));
        return in.step(1 + to.size() / 64);
    };
    while (most < 0 || done < most) {
        if (from.empty()) { // between all characters, and at both ends
            weft_TRY(put());
            if (at >= text.size()) return out;
            const size_t bytes = code_point_at(text, at).bytes;
            out.append(text, at, bytes);
            at += bytes;
            continue;
        }
        const size_t found = find_text(text, from, at);
        if (found == text.npos) break;
        out.append(text, at, found - at);
        weft_TRY(put());
        at = found + from.size();
    }
    out.append(text, std::min(at, text.size()));
    return out;
}

} // namespace weft::detail::jinja
