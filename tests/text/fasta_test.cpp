// SPDX-License-Identifier: Apache-2.0
// FASTA: what is read of it, and what is said of what is none.
#include <catch2/catch_test_macros.hpp>
#include <weft/fasta.hpp>

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
