// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding where it is easily wrong: merges of one rank, and characters that the vocabulary lacks, written as
// bytes or as an unknown token, in words of any length, and back.
#include <catch2/catch_test_macros.hpp>
#include <weft/tokenizer.hpp>

using namespace weft;
using namespace weft::detail;
using Ids = std::vector<uint32_t>;

namespace {

Tokenizer tokenizer_of(const std::string& json) {
    auto made = Tokenizer::parse(json, "t.json");
    INFO((made ? "" : made.error().text()));
    REQUIRE(made);
    return std::move(*made);
}

std::string times_over(const std::string& text, size_t times) {
    std::string all;
    while (times--) all += text;
    return all;
}

// The ids of `text` some times in one word: those of one, over and over.
void check_any_length(const Tokenizer& tokenizer, const std::string& text, const Ids& one) {
    for (const size_t times : {size_t(1), size_t(3), size_t(100), size_t(1000)}) {
        INFO(times << " times");
        Ids expected;
        for (size_t i = 0; i < times; ++i) expected.insert(expected.end(), one.begin(), one.end());
        const auto got = tokenizer.encode(times_over(text, times), false);
        REQUIRE(got);
        CHECK(*got == expected);
    }
}

} // namespace

TEST_CASE("byte fallback: a run of bytes becomes its characters, or a replacement for each byte") {
    const Tokenizer tokenizer = tokenizer_of(R"({"model": {"type": "WordLevel", "unk_token": "a",
        "vocab": {"a": 0, "<0xE2>": 1, "<0x82>": 2, "<0xAC>": 3, "<0xC3>": 4, "<0xA9>": 5, "<0x62>": 6}},
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}})");
    const std::string broken = "\xef\xbf\xbd";
    const std::pair<Ids, std::string> cases[] = {
        {{1, 2, 3}, "\xe2\x82\xac"},
        {{6}, "b"},
        {{1}, broken}, // a lone byte that begins a character
        {{2}, broken}, // one that goes on
        {{0, 1, 0}, "a" + broken + "a"},
        {{1, 2}, broken + broken},
        {{0, 1, 2, 0}, "a" + broken + broken + "a"},
        {{1, 2, 3, 1}, broken + broken + broken + broken}, // the run as a whole
        {{6, 4}, broken + broken},
        {{4, 5, 1, 2, 3}, "\xc3\xa9\xe2\x82\xac"},
    };
    for (const auto& [ids, text] : cases) {
        INFO(text);
        CHECK(tokenizer.decode(ids, false) == text);
        StreamDecoder stream(tokenizer, false);
        std::string pieces;
        for (const uint32_t id : ids) pieces += stream.push(id);
        CHECK(pieces + stream.flush() == text);
    }
}

TEST_CASE("byte fallback: the bytes of an unknown character may join what stands before it, in long words too") {
    const Tokenizer tokenizer = tokenizer_of(R"({"model": {"type": "BPE", "byte_fallback": true,
        "vocab": {"a": 0, "<0xC3>": 1, "<0xA9>": 2, "a<0xC3>": 3}, "merges": [["a", "<0xC3>"]]}})");
    check_any_length(tokenizer, "a\xc3\xa9", {3, 2});
}

TEST_CASE("an unknown token may join what stands beside it, in long words too") {
    const Tokenizer before = tokenizer_of(R"({"model": {"type": "BPE", "unk_token": "?",
        "vocab": {"a": 0, "?": 1, "a?": 2}, "merges": [["a", "?"]]}})");
    check_any_length(before, "a\xc3\xa9", {2});
    const Tokenizer behind = tokenizer_of(R"({"model": {"type": "BPE", "unk_token": "?",
        "vocab": {"a": 0, "?": 1, "?a": 2}, "merges": [["?", "a"]]}})");
    check_any_length(behind,
                     "\xc3\xa9"
                     "a",
                     {2});
    const Tokenizer fused = tokenizer_of(R"({"model": {"type": "BPE", "unk_token": "?", "fuse_unk": true,
        "vocab": {"a": 0, "?": 1}, "merges": []}})");
    check_any_length(fused, "a\xc3\xa9\xc3\xa8", {0, 1});
}

TEST_CASE("merges of one rank come from the left") {
    const Tokenizer tokenizer = tokenizer_of(R"({"model": {"type": "BPE",
        "vocab": {"a": 0, "b": 1, "aa": 2, "ab": 3}, "merges": [["a", "a"], ["a", "b"]]}})");
    CHECK(*tokenizer.encode("aaa", false) == Ids{2, 0});
    CHECK(*tokenizer.encode("aaab", false) == Ids{2, 3});
    CHECK(*tokenizer.encode("baaaaab", false) == Ids{1, 2, 2, 3});
}
