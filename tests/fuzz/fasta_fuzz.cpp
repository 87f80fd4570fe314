// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a FASTA file. What is accepted has letters of the alphabet alone, and reads the same when
// it is written again.
#include "base/check.hpp"
#include <cstddef>
#include <cstdint>
#include <weft/fasta.hpp>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto records = weft::read_fasta({reinterpret_cast<const char*>(data), size}, "a.fa");
    if (!records) {
        weft_CHECK(records.error().message.starts_with("a.fa: "), "a message names the file");
        return 0;
    }
    weft_CHECK(!records->empty(), "a file without records is refused");
    std::string again;
    for (const auto& record : *records) {
        weft_CHECK(!record.letters.empty() && record.line > 0, "a record has letters and a place");
        weft_CHECK(record.letters.find_first_not_of("ACGTN") == std::string::npos, "letters are of the alphabet");
        again += ">" + record.name + "\n" + record.letters + "\n";
    }
    const auto same = weft::read_fasta(again, "b.fa");
    weft_CHECK(same && same->size() == records->size(), "what was read can be written and read");
    for (size_t i = 0; i < same->size(); ++i)
        weft_CHECK((*same)[i].letters == (*records)[i].letters && (*same)[i].name == (*records)[i].name,
                   "it is the same then");
    return 0;
}
