// SPDX-License-Identifier: Apache-2.0
// Public: sequences of nucleotides from FASTA files.
#pragma once
#include <string>
#include <string_view>
#include <vector>
#include <weft/error.hpp>
#include <weft/export.hpp>

namespace weft {

struct NucleotideRecord {
    std::string name;    ///< of its header, behind '>', up to a space
    std::string letters; ///< A, C, G, T and N alone: lower case becomes upper, U becomes T, what stands for several N
    size_t line = 0;     ///< of its header, from 1
};

/// The records of a FASTA file, in their order: at least one, each with letters. A header begins with '>'; letters may
/// be on any number of lines, with spaces among them; lines that begin with ';' are comments. Fails (malformed) with
/// the line where there are letters before the first header, a record without letters or what is no nucleotide in
/// IUPAC's alphabet; gaps are none. `origin` (the file's name) opens every message. Any thread.
weft_API Result<std::vector<NucleotideRecord>> read_fasta(std::string_view text, const std::string& origin);

} // namespace weft
