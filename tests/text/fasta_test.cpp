// SPDX-License-Identifier: Apache-2.0
// FASTA: what is read of it, and what is said of what is none; and the letters of DNA as tokens.
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <weft/fasta.hpp>
#include <weft/tokenizer.hpp>

namespace {

std::string fasta_error(const std::string& text) {
    const auto records = weft::read_fasta(text, "dna.fa");
    REQUIRE_FALSE(bool(records));
    CHECK(records.error().code == weft::ErrorCode::malformed);
    return records.error().message;
}

} // namespace

TEST_CASE("FASTA: wrapped lines, lower case, other ends of lines, comments and IUPAC's letters") {
    const auto records = weft::read_fasta(">one a virus\nACGT\n\nac gu\n;note\n> two\r\nRyN\r\n>\nT", "dna.fa");
    REQUIRE(bool(records));
    REQUIRE(records->size() == 3);
    CHECK((*records)[0].name == "one");
    CHECK((*records)[0].letters == "ACGTACGT");
    CHECK((*records)[0].line == 1);
    CHECK((*records)[1].name == "two");
    CHECK((*records)[1].letters == "NNN");
    CHECK((*records)[1].line == 6);
    CHECK((*records)[2].name.empty());
    CHECK((*records)[2].letters == "T");
}

TEST_CASE("FASTA: faults are named with their lines") {
    const std::string alphabet = "which is no nucleotide (A, C, G, T, U, N, R, Y, S, W, K, M, B, D, H, V)";
    CHECK(fasta_error("") == "dna.fa: has no records: each begins with a line that begins with '>'");
    CHECK(fasta_error("\n;a\n") == "dna.fa: has no records: each begins with a line that begins with '>'");
    CHECK(fasta_error("\nACGT\n>one\nA\n") ==
          "dna.fa: line 2 has letters, and no header, which begins with '>', before them");
    CHECK(fasta_error(">one\n\n>two\nA") == "dna.fa: line 1 begins a record without letters");
    CHECK(fasta_error(">one\nA\n>two\n") == "dna.fa: line 3 begins a record without letters");
    CHECK(fasta_error(">one\nAC\nA-C") == "dna.fa: line 3 has '-' in column 2, " + alphabet);
    CHECK(fasta_error(">one\nAC\xc3") == "dna.fa: line 2 has byte 0xc3 in column 3, " + alphabet);
    CHECK(fasta_error(std::string(">o\nA\0C", 7)) == "dna.fa: line 2 has byte 0x00 in column 2, " + alphabet);
    CHECK(fasta_error("\x1f\x8b\x08") == "dna.fa: is compressed: gunzip -c gives what it holds");
}

// What tokenization_caduceus.py and tokenization_hyena.py hold: neither has a vocabulary in a file.
TEST_CASE("letters of DNA are tokens of models that have no vocabulary in a file") {
    using Ids = std::vector<uint32_t>;
    const std::pair<const char*, const char*> files[] = {
        {"tokenizer_config.json", R"({"tokenizer_class": "CaduceusTokenizer", "model_max_length": 131072})"},
        {"config.json", R"({"model_type": "caduceus"})"},
        {"tokenizer_config.json", R"({"tokenizer_class": "HyenaDNATokenizer", "model_max_length": 1026})"},
        {"config.json", R"({"model_type": "hyenadna"})"}};
    for (const auto& [name, text] : files) {
        CAPTURE(name, text);
        const weft::test::TemporaryDirectory folder;
        (void)folder.write(name, text);
        const auto tokenizer = weft::Tokenizer::load(folder.path());
        INFO((tokenizer ? "" : tokenizer.error().text()));
        REQUIRE(bool(tokenizer));
        const auto ids = [&](const char* letters, bool special) { return tokenizer->encode(letters, special).value(); };
        CHECK(ids("ACGTN", false) == Ids{7, 8, 9, 10, 11});
        CHECK(ids("ACGTN", true) == Ids{7, 8, 9, 10, 11, 1});
        CHECK(ids("A[MASK]X", false) == Ids{7, 3, 6});
        const bool any_case = std::string_view(text).find("aduceus") != std::string_view::npos;
        CHECK(ids("acgtn", false) == (any_case ? Ids{7, 8, 9, 10, 11} : Ids(5, 6)));
        CHECK(tokenizer->decode(Ids{7, 8, 1}, true) == "AC");
    }
}
