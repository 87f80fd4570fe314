// SPDX-License-Identifier: Apache-2.0
#include "jinja/markup.hpp"
#include "jinja/strings.hpp"
#include "unicode/utf8.hpp"
#include <array>
#include <charconv>

namespace weft::detail::jinja {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kEntities{
    {{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}, {"nbsp", "\xc2\xa0"}}};

// What the entity between & and ; means, or nothing.
std::string entity(std::string_view name) {
    for (const auto& [known, meaning] : kEntities)
        if (name == known) return std::string(meaning);
    if (!name.starts_with('#')) return {};
    const bool hexadecimal = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
    const std::string_view digits = name.substr(hexadecimal ? 2 : 1);
    uint32_t point = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), point, hexadecimal ? 16 : 10);
    std::string out;
    if (result.ec == std::errc() && result.ptr == digits.data() + digits.size() && point > 0 && point <= 0x10ffff &&
        (point < 0xd800 || point >= 0xe000))
        append_code_point(out, point);
    return out;
}

std::string without(std::string_view text, std::string_view open, std::string_view close) {
    std::string out;
    size_t at = 0;
    while (true) {
        const size_t begin = text.find(open, at), end = begin == text.npos ? begin : text.find(close, begin);
        if (end == text.npos) return out += text.substr(at);
        out += text.substr(at, begin - at);
        at = end + close.size();
    }
}

} // namespace

std::string escaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&#34;"; break;
        case '\'': out += "&#39;"; break;
        default: out += c;
        }
    }
    return out;
}

std::string without_tags(std::string_view text) {
    constexpr size_t kLongestEntity = 10;
    const std::string plain = without(without(text, "<!--", "-->"), "<", ">");
    std::string out;
    for (size_t at = leading_space(plain); at < plain.size();) {
        if (const size_t space = leading_space(std::string_view(plain).substr(at))) {
            at += space;
            if (at < plain.size()) out += ' ';
            continue;
        }
        const size_t end = plain[at] == '&' ? plain.substr(at, kLongestEntity).find(';') : std::string::npos;
        const std::string meaning =
            end == std::string::npos ? "" : entity(std::string_view(plain).substr(at + 1, end - 1));
        if (meaning.empty()) out += plain[at++];
        else {
            out += meaning;
            at += end + 1;
        }
    }
    return out;
}

} // namespace weft::detail::jinja
