// SPDX-License-Identifier: Apache-2.0
// Tests of the regular expressions of tokenizer files: that they mean what they mean to
// Oniguruma, and that hostile ones end.
#include "text/regex/regex.hpp"
#include "unicode/unicode.hpp"
#include "unicode/utf8.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>

using namespace weft;
using namespace weft::detail;
using namespace weft::detail::text;
using Catch::Matchers::ContainsSubstring;

namespace {

// The matches, each in brackets, in the text.
std::string marked(const std::string& pattern, const std::string& text) {
    const auto regex = Regex::compile(pattern, "t.json");
    if (!regex) return regex.error().message;
    const auto spans = regex->find_all(text);
    if (!spans) return spans.error().message;
    std::string out;
    size_t done = 0;
    for (const auto& span : *spans) {
        out += text.substr(done, span.begin - done) + "[" + text.substr(span.begin, span.end - span.begin) + "]";
        done = span.end;
    }
    return out + text.substr(done);
}

} // namespace

// What Oniguruma 6.9 gives, through the tokenizers library.
TEST_CASE("regex: what differs between Oniguruma and PCRE2") {
    CHECK(marked("^a", "b\naa") == "b\n[a]a");
    CHECK(marked("$", "ab\n") == "ab[]\n[]");
    CHECK(marked("\\h+", "xyz09afz") == "xyz[09af]z");
    CHECK(marked("(?m)a.b", "a\nb") == "[a\nb]");
    CHECK(marked("a{,2}", "aaab") == "[aa][a]b[]");
    CHECK(marked("\\p{N}{1,3}+", "12345678 1") == "[12345678] [1]");
    CHECK(marked("a{2}?b", "aab ab") == "[aab] a[b]");
    CHECK(marked("a(?i)b|c", "aB C c aC") == "[aB] C c [aC]");
    CHECK(marked("a(?i:b|c)d(?-i:x)", "aBdx") == "[aBdx]");
    CHECK(marked("[a-z&&[^aeiou]]", "hello") == "[h]e[l][l]o");
    CHECK(marked(" ?[^(\\s|[.,!?])]+", "a(b|c.d) e]f") == "[a]([b]|[c].[d])[ e]f]");
    CHECK(marked("[a-c[x-z]]+", "axbyd") == "[axby]d");
    CHECK(marked("[^\\S\\n]+", "a \n b") == "a[ ]\n[ ]b");
    CHECK(marked("\\p{^L}+", "ab12") == "ab[12]");
    CHECK(marked("\\p{Letter}", "a1") == "[a]1");
    CHECK(marked("\\p{Punct}", "+-$") == "+[-]$");
    CHECK(marked("[[:punct:]]", "+-$a") == "[+][-][$]a");
    // Superscript two counts as a word character.
    CHECK(marked("\\bfoo\\b", "a foo\xc2\xb2 foo") == "a foo\xc2\xb2 [foo]");
    CHECK(marked("[\\w]", "\xc2\xb2") == "\xc2\xb2"); // but not inside a class
    // The script, not its extensions.
    CHECK(marked("\\p{Han}", "\xe6\xbc\xa2\xe3\x80\x81") == "[\xe6\xbc\xa2]\xe3\x80\x81");
    CHECK(marked("\\v", "a\x0b\n") == "a[\x0b]\n");
    CHECK(marked("\\s", "\xe1\xa0\x8e") == "\xe1\xa0\x8e"); // U+180E is no space any more
    CHECK(marked("x*", "axxb") == "[]a[xx]b[]");
    CHECK(marked("\\u3042|\\x{41}", "A\xe3\x81\x82") == "[A][\xe3\x81\x82]");
    CHECK(marked("(?i:'s)", "'\xc5\xbf'S") == "['\xc5\xbf]['S]"); // long s
    CHECK(marked("{a|a{x}|[]a]+", "{a a{x} ]a") == "[{a] [a{x}] []a]");
}

TEST_CASE("regex: characters that PCRE2's tables may be too old for") {
    std::string text;
    for (const char32_t c : {U'\x31350', U'\x10d4a', U'\x11f50'})
        append_code_point(text, c); // a letter of Unicode 15 and of 16, a digit of 15
    CHECK(marked("\\p{L}+", text) == "[" + text.substr(0, 8) + "]" + text.substr(8));
    CHECK(marked("\\p{N}", text) == text.substr(0, 8) + "[" + text.substr(8) + "]");
    CHECK(marked("[^\\p{L}\\p{N}]", text) == text);
    CHECK(marked("\\P{L}", text) == text.substr(0, 8) + "[" + text.substr(8) + "]");
}

TEST_CASE("regex: hostile patterns end with an error") {
    const std::string many(20'000, 'a');
    for (const char* pattern : {"(a+)+[bc]", "(?:a|aa)+(?!a)[yz]", "\\p{L}*\\p{L}*\\p{L}*[yz]", "(a|aa)*\\1[yz]"}) {
        CAPTURE(pattern);
        CHECK_THAT(marked(pattern, many), ContainsSubstring("t.json: regular expression gave up"));
    }
    for (const char* pattern : {"(?R)", "(a(?1)?)", "\\p{Nonsense}", "[a", "(a", "a)", "\\", "[a-\\d]", "\\C", "(?s)a",
                                "\\xff", "(?<=a*)b", "*a", "(*ACCEPT)a"}) {
        CAPTURE(pattern);
        CHECK_THAT(marked(pattern, many), ContainsSubstring("regular expression is not supported"));
    }
    CHECK_THAT(marked(std::string(500, '('), ""), ContainsSubstring("nested too deeply"));
    CHECK_THAT(marked(std::string(500, '['), ""), ContainsSubstring("nested too deeply"));
    CHECK_THAT(marked(std::string(70'000, 'a'), ""), ContainsSubstring("longer than 64 KiB"));
    std::string nested = "a";
    for (int i = 0; i < 100; ++i) nested = "(?:" + nested + "){1,2}+";
    CHECK_THAT(marked(nested, "aaaa"), ContainsSubstring("aaaa") || ContainsSubstring("regular expression"));
}

TEST_CASE("regex: a long text takes time in proportion to its length") {
    // Nothing in it begins a match of these: looking for one to the end of the text at every step would take minutes.
    std::string kana;
    while (kana.size() < 3'000'000) kana += "\xe3\x81\x82\xe3\x82\xab";
    const std::string letters(3'000'000, 'a');
    const auto begin = std::chrono::steady_clock::now();
    for (const char* pattern : {"[\xe4\xb8\x80-\xe9\xbe\xa5]+", "\\s+", "[\\r\\n]", "z", "(?i:z)", "\\p{N}{1,3}",
                                "\\bq", "(?<=b)c", "[^\\p{L}]$"}) {
        CAPTURE(pattern);
        for (const std::string_view text : {std::string_view(kana), std::string_view(letters)}) {
            const auto spans = Regex::compile(pattern, "t.json")->find_all(text);
            REQUIRE(spans);
            CHECK(spans->empty());
        }
    }
    // Under a second where nothing else runs.
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

// What lies at the end of the part of a text that PCRE2 is given must not count as the text's end.
TEST_CASE("regex: a long text is matched as its parts are") {
    for (const char* pattern :
         {"(?<!a)a+$", "\\s+(?!\\S)|\\s+", "(?<!a)a+\\b", "x\\z|(?<!a)a+(?=x)", "(?:a|ax)+", "\\r?\\n|(?<!a)a+\\Z",
          "(?<=\\n)a+", "[^\\S\\n]+$", "(?<!a)a+?(?=[x ])", "(?i)(?<!a)A*x"}) {
        CAPTURE(pattern);
        const auto regex = Regex::compile(pattern, "t.json");
        REQUIRE(regex);
        std::string text;
        for (size_t size :
             {1u, 500u, 1022u, 1023u, 1024u, 1025u, 4095u, 4096u, 5119u, 5120u, 5121u, 5122u, 9000u, 40'000u}) {
            for (const char* end : {"x\r\n", "  \n", " \xe3\x81\x82\n"}) text += std::string(size, 'a') + end;
        }
        // No match of these patterns goes beyond a line, or looks further than the next character.
        const auto all = regex->find_all(text);
        REQUIRE(all);
        size_t wrong = 0, at = 0;
        std::vector<std::pair<size_t, size_t>> lines;
        while (at < text.size()) {
            const size_t line_end = text.find('\n', at) + 1;
            lines.emplace_back(at, line_end);
            at = line_end;
        }
        size_t next = 0;
        for (const auto& [line_begin, line_end] : lines) {
            // One character of the next line stands for all of it.
            const auto part = regex->find_all(
                std::string_view(text).substr(line_begin, line_end - line_begin + (line_end < text.size())));
            REQUIRE(part);
            for (const auto& span : *part) {
                if (span.begin + line_begin >= line_end) continue;
                wrong += next >= all->size() || (*all)[next].begin != span.begin + line_begin ||
                         (*all)[next].end != span.end + line_begin;
                ++next;
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("regex: a word of a million letters") {
    const std::string word(1'000'000, 'a');
    for (const char* pattern :
         {"[\\p{L}&&[^\\p{Han}]]+", "(?:\\p{L}\\p{M}*)+", "[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+",
          "[\\p{Lu}\\p{M}&&[^\\p{Han}]]*[\\p{Ll}\\p{M}&&[^\\p{Han}]]+(?i:'s)?|[\\p{Lu}\\p{M}&&[^\\p{Han}]]+"}) {
        CAPTURE(pattern);
        CHECK((marked(pattern, word + "1") == "[" + word + "]1"));
    }
}

TEST_CASE("unicode: normal forms, also of long runs of marks") {
    CHECK(normalize("e\xcc\x81", NormalForm::c) == "\xc3\xa9");
    CHECK(normalize("\xc3\xa9", NormalForm::d) == "e\xcc\x81");
    CHECK(normalize("\xef\xac\x81\xe2\x91\xa0", NormalForm::kc) == "fi1");
    CHECK(normalize("\xea\xb0\x81", NormalForm::d) == "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8");
    CHECK(normalize("a\xcc\x81\xcc\xa3", NormalForm::d) == "a\xcc\xa3\xcc\x81"); // ordered by class
    // The Reiwa sign is newer than the library's tables.
    CHECK(normalize("\xe3\x8b\xbf", NormalForm::kc) == "\xe3\x8b\xbf");
    std::string marks = "a";
    for (int i = 0; i < 100'000; ++i) marks += i % 2 ? "\xcc\x81" : "\xcc\xa3";
    CHECK(normalize(marks, NormalForm::d).size() == marks.size()); // bubbling would take a minute
    std::string lower;
    append_lower(lower, 0x130);
    append_lower(lower, U'\x212a');
    CHECK(lower == "i\xcc\x87k");
}

TEST_CASE("utf8: repair of a stream") {
    const std::string bytes = "a\xe2\x82\xac\xff\xe2\x82z\xf0\x9f\x98\x80\xed\xa0\x80\xc3";
    const std::string expected =
        "a\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbdz\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";
    for (size_t step = 1; step <= bytes.size(); ++step) {
        Utf8Repair repair;
        std::string out;
        for (size_t at = 0; at < bytes.size(); at += step) {
            out += repair.push(std::string_view(bytes).substr(at, step));
            CHECK(valid_utf8_prefix(out) == out.size());
        }
        CHECK(out + repair.finish() == expected);
    }
}
