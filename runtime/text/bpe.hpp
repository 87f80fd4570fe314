// SPDX-License-Identifier: Apache-2.0
// L5: byte pair encoding: a word begins as characters, and the neighbours with the best-ranked merge are joined until none is left.
#pragma once
#include "text/token_model.hpp"
#include <array>

namespace weft::text {

/// What two neighbouring tokens become, by (left, right). Open addressing: this is the one table that encoding spends its time in.
class MergeTable {
public:
    struct Merge {
        uint32_t rank, id;
    };
    explicit MergeTable(size_t count = 0);
    /// Sets the merge of a pair; the last one set wins.
    void set(uint32_t left, uint32_t right, Merge merge);
    const Merge* find(uint32_t left, uint32_t right) const;

private:
    struct Slot {
        uint64_t key;
        Merge merge;
    };
    size_t slot_of(uint64_t key) const;
    std::vector<Slot> slots_;
    size_t mask_ = 0;
};

struct BpeConfig {
    Vocabulary vocabulary;
    MergeTable merges;
    std::optional<std::string> unk_token;
    std::optional<uint32_t> unk_id;         ///< absent if the vocabulary lacks unk_token: then meeting an unknown character is an error
    std::string continuing_prefix;          ///< before every character of a word but the first
    std::string end_suffix;                 ///< after a word's last character
    bool fuse_unk = false;                  ///< neighbouring unknown characters are one unknown token
    bool byte_fallback = false;             ///< unknown characters become their bytes' tokens, <0x00> to <0xFF>, if all of those exist
    bool ignore_merges = false;             ///< a word that is a token is that token
    std::string origin;                     ///< the file, for messages
};

/// Time is O(n log n) in a word's length.
std::unique_ptr<TokenModel> make_bpe(BpeConfig config);

Result<std::unique_ptr<TokenModel>> read_bpe(const PartReader& part);

} // namespace weft::text
