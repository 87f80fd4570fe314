// SPDX-License-Identifier: Apache-2.0
// L5: FASTA.
#include "base/result.hpp"
#include <weft/fasta.hpp>

namespace weft {
namespace {

constexpr std::string_view kSpaces = " \t\r";

// What a letter of a file becomes; 0: it is none.
char nucleotide(char c) {
    if (c >= 'a' && c <= 'z') c = char(c - 'a' + 'A');
    const auto among = [&](std::string_view letters) { return letters.find(c) != letters.npos; };
    if (among("ACGT")) return c;
    if (c == 'U') return 'T';
    return among("NRYSWKMBDHV") ? 'N' : '\0';
}

std::string shown(char c) {
    if (c > ' ' && c < 127) return "'" + std::string(1, c) + "'";
    char text[16];
    std::snprintf(text, sizeof text, "byte 0x%02x", unsigned(static_cast<unsigned char>(c)));
    return text;
}

class FastaReader {
public:
    FastaReader(std::string_view text, const std::string& origin) : text_(text), origin_(origin) {}

    Result<std::vector<NucleotideRecord>> run() {
        if (text_.starts_with("\x1f\x8b")) return bad("is compressed: gunzip -c gives what it holds");
        if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
        for (size_t at = 0; at < text_.size();) {
            const size_t end = std::min(text_.find('\n', at), text_.size());
            std::string_view line = text_.substr(at, end - at);
            at = end + 1;
            ++line_;
            if (line.starts_with(';')) continue;
            if (line.starts_with('>')) weft_TRY(header(line.substr(1)));
            else weft_TRY(letters(line));
        }
        if (records_.empty()) return bad("has no records: each begins with a line that begins with '>'");
        weft_TRY(closed());
        return std::move(records_);
    }

private:
    Error bad(const std::string& rule) const { return {ErrorCode::malformed, origin_ + ": " + rule, {}}; }
    Error at_line(size_t line, const std::string& rule) const {
        return bad("line " + std::to_string(line) + " " + rule);
    }

    Status closed() const {
        if (records_.empty() || !records_.back().letters.empty()) return Ok{};
        return at_line(records_.back().line, "begins a record without letters");
    }
    Status header(std::string_view line) {
        weft_TRY(closed());
        const size_t first = std::min(line.find_first_not_of(kSpaces), line.size());
        line.remove_prefix(first);
        records_.push_back({std::string(line.substr(0, line.find_first_of(kSpaces))), {}, line_});
        return Ok{};
    }
    Status letters(std::string_view line) {
        for (size_t i = 0; i < line.size(); ++i) {
            if (kSpaces.find(line[i]) != kSpaces.npos) continue;
            if (records_.empty())
                return at_line(line_, "has letters, and no header, which begins with '>', before them");
            const char letter = nucleotide(line[i]);
            if (!letter)
                return at_line(line_, "has " + shown(line[i]) + " in column " + std::to_string(i + 1) +
                                          ", which is no nucleotide (A, C, G, T, U, N, R, Y, S, W, K, M, B, D, H, V)");
            records_.back().letters += letter;
        }
        return Ok{};
    }

    std::string_view text_;
    const std::string& origin_;
    size_t line_ = 0;
    std::vector<NucleotideRecord> records_;
};

} // namespace

Result<std::vector<NucleotideRecord>> read_fasta(std::string_view text, const std::string& origin) try {
    return FastaReader(text, origin).run();
}
weft_CATCH

} // namespace weft
