// SPDX-License-Identifier: Apache-2.0
// Tests of phrases in text that comes in pieces: any division into pieces gives the same.
#include "text/chat/phrases.hpp"
#include <catch2/catch_test_macros.hpp>

using namespace weft::detail::text;

namespace {

// Phrases as "[number]" between the text around them.
std::string scanned(const std::vector<std::string>& phrases, const std::string& text, size_t piece) {
    PhraseScanner scanner(phrases);
    std::string out;
    for (size_t at = 0; at < text.size(); at += piece) {
        scanner.push(std::string_view(text).substr(at, piece));
        for (;;) {
            const auto found = scanner.next();
            out += found.before;
            if (!found.phrase) break;
            out += "[" + std::to_string(*found.phrase) + "]";
        }
    }
    return out + scanner.flush();
}

} // namespace

TEST_CASE("phrases: found in pieces of any size") {
    const struct {
        std::vector<std::string> phrases;
        std::string text, expected;
    } cases[] = {
        {{"\n\n"}, "a\nb\n\n\nc\n", "a\nb[0]\nc\n"},
        {{"aab"}, "aaab aaaab aa", "a[0] aa[0] aa"},
        {{"abc", "xabcd", "b"}, "xabcd", "xa[2]cd"},
        {{"c", "bc", "abc"}, "abc", "[2]"},
        {{"\xc3\xa9t\xc3\xa9"}, "\xc3\xa9\xc3\xa9t\xc3\xa9\xc3\xa9t", "\xc3\xa9[0]\xc3\xa9t"},
        {{"User:", "Use no"}, "Us Use User User: Use n", "Us Use User [0] Use n"},
        {{}, "any text", "any text"},
    };
    for (const auto& [phrases, text, expected] : cases)
        for (size_t piece = 1; piece <= text.size(); ++piece) {
            CAPTURE(text, piece);
            CHECK(scanned(phrases, text, piece) == expected);
        }
}

TEST_CASE("phrases: nothing is held back that cannot be a beginning") {
    PhraseScanner scanner({"stop"});
    scanner.push("a st");
    CHECK(scanner.next().before == "a ");
    scanner.push("ar");
    CHECK(scanner.next().before == "star");
    CHECK(scanner.flush().empty());
}
