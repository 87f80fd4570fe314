// SPDX-License-Identifier: Apache-2.0
// L5: byte pair encoding: a word begins as characters, and the neighbours with the best-ranked
// merge are joined until none is left.
#pragma once
#include "text/tokenizer/token_model.hpp"
#include <array>
#include <unordered_map>

namespace weft::detail::text {

/// What two neighbouring tokens become, by (left, right). Open addressing: this is the one table
/// that encoding spends its time in.
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

/// Between which two characters a merge can ever join. Where none can, a word falls apart into words of their own:
/// texts that are not pre-tokenized (SentencePiece's) become short words again, which are fast and repeat.
class JunctionTable {
public:
    /// Notes that `left` and `right` merge.
    void add(std::string_view left, std::string_view right);
    /// False only if no token that ends in `left` merges with one that begins with `right`.
    bool can_join(char32_t left, char32_t right) const;
    /// From now on everything can join.
    void give_up() { all_ = true; }

private:
    static uint32_t bit_of(char32_t left, char32_t right) {
        return uint32_t(((uint64_t(left) * 0x9e3779b1u) ^ ((uint64_t(right) * 0x85ebca6bu) << 7)) >> 5) & (kBits - 1);
    }
    // Some pairs share a bit: then they count as joining, which is never wrong.
    static constexpr uint32_t kBits = 1u << 20;
    std::vector<uint64_t> bits_ = std::vector<uint64_t>(kBits / 64);
    bool all_ = false;
};

struct BpeConfig {
    Vocabulary vocabulary;
    MergeTable merges;
    std::optional<std::string> unk_token;
    /// Absent if the vocabulary lacks unk_token: then meeting an unknown character is an error.
    std::optional<uint32_t> unk_id;
    std::string continuing_prefix; ///< before every character of a word but the first
    std::string end_suffix;        ///< after a word's last character
    bool fuse_unk = false;         ///< neighbouring unknown characters are one unknown token
    /// Unknown characters become their bytes' tokens, <0x00> to <0xFF>, if all of those exist.
    bool byte_fallback = false;
    bool ignore_merges = false; ///< a word that is a token is that token
    JunctionTable junctions;
    std::string origin; ///< the file, for messages
};

constexpr uint32_t kNoRank = ~0u;
/// Merges for a vocabulary whose file has none: two tokens merge if they spell a token, and that one's rank says when.
/// `ranks` has one an id; kNoRank for tokens that nothing merges to.
Status derive_merges(BpeConfig& config, const std::vector<uint32_t>& ranks);

/// Time is O(n log n) in a word's length.
std::unique_ptr<TokenModel> make_bpe(BpeConfig config);

Result<std::unique_ptr<TokenModel>> read_bpe(const PartReader& part);

} // namespace weft::detail::text
