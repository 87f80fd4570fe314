// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/bpe.hpp"
#include "text/tokenizer/byte_tokens.hpp"
#include "text/tokenizer/part.hpp"
#include <algorithm>
#include <bit>

namespace weft::detail::text {
namespace {

constexpr size_t kLongestCached = 256; // bytes of a word; longer ones hardly repeat
constexpr size_t kLongestMerged = 512; // bytes of a token whose merges are derived: each of its cuts is looked up
constexpr size_t kLongestAround = 256; // bytes of prefix and suffix: they are written once a character
constexpr size_t kDirect = 0x250; // characters below have their ids in an array: ASCII, Latin and the byte alphabet
constexpr uint64_t kEmpty = ~uint64_t(0);

struct Symbol {
    uint32_t id;
    uint32_t previous, next; // kNone at the ends
    bool alive;
};
constexpr uint32_t kNone = ~0u;

struct Candidate {
    uint32_t rank, position, id;
    // std heaps put the largest on top: the best is the lowest rank, and of those the leftmost.
    bool operator<(const Candidate& other) const {
        return rank != other.rank ? rank > other.rank : position > other.position;
    }
};

class Bpe final : public TokenModel {
public:
    explicit Bpe(BpeConfig config);
    const Vocabulary& vocabulary() const override { return config_.vocabulary; }
    std::unique_ptr<TokenSession> begin() const override;

    BpeConfig config_;
    std::array<uint32_t, kDirect> direct_; // kNone where there is no token
    ByteTokens bytes_;
    bool cuttable_; // long words may be cut where nothing can join
};

class Session final : public TokenSession {
public:
    explicit Session(const Bpe& bpe) : bpe_(bpe), config_(bpe.config_) {}

    Status tokenize(std::string_view piece, std::vector<uint32_t>& ids) override {
        if (config_.ignore_merges) {
            if (const auto id = config_.vocabulary.id_of(piece)) {
                ids.push_back(*id);
                return Ok{};
            }
        }
        if (piece.size() <= kLongestCached || !bpe_.cuttable_) return word(piece, ids);
        size_t begin = 0;
        CodePoint left = code_point_at(piece, 0);
        for (size_t at = left.bytes; at < piece.size(); at += left.bytes) {
            const CodePoint right = code_point_at(piece, at);
            // Unknown characters are spelled in other ways, so that what they join with is not told by the text.
            if (!config_.junctions.can_join(left.value, right.value) && known(piece, at - left.bytes, left) &&
                known(piece, at, right)) {
                weft_TRY(word(piece.substr(begin, at - begin), ids));
                begin = at;
            }
            left = right;
        }
        return word(piece.substr(begin), ids);
    }

private:
    Status word(std::string_view piece, std::vector<uint32_t>& ids) {
        if (piece.size() > kLongestCached) {
            weft_TRY(spell(piece));
            merge();
            collect(ids);
            return Ok{};
        }
        auto [it, added] = cache_.try_emplace(piece);
        if (added) {
            weft_TRY(spell(piece));
            merge();
            it->second.first = uint32_t(cached_.size());
            collect(cached_);
            it->second.second = uint32_t(cached_.size());
        }
        ids.insert(ids.end(), cached_.begin() + it->second.first, cached_.begin() + it->second.second);
        return Ok{};
    }

    bool known(std::string_view piece, size_t at, CodePoint c) const {
        return c.value < kDirect ? bpe_.direct_[c.value] != kNone
                                 : config_.vocabulary.id_of(piece.substr(at, c.bytes)).has_value();
    }

    void add(uint32_t id) {
        const auto at = uint32_t(symbols_.size());
        if (at > 0) symbols_.back().next = at;
        symbols_.push_back({id, at == 0 ? kNone : at - 1, kNone, true});
    }

    std::optional<uint32_t> character(std::string_view piece, size_t at, size_t bytes) {
        const bool prefixed = at > 0 && !config_.continuing_prefix.empty();
        const bool suffixed = at + bytes == piece.size() && !config_.end_suffix.empty();
        spelling_ = piece.substr(at, bytes);
        if (!prefixed && !suffixed) {
            const char32_t c = code_point_at(piece, at).value;
            if (c >= kDirect) return config_.vocabulary.id_of(spelling_);
            if (bpe_.direct_[c] == kNone) return std::nullopt;
            return bpe_.direct_[c];
        }
        written_.clear();
        if (prefixed) written_ += config_.continuing_prefix;
        written_ += spelling_;
        if (suffixed) written_ += config_.end_suffix;
        spelling_ = written_;
        return config_.vocabulary.id_of(spelling_);
    }

    // The word as one symbol a character.
    Status spell(std::string_view piece) {
        symbols_.clear();
        bool unknown = false; // an unknown token waits to be written: the next one may join it
        for (size_t at = 0, bytes = 0; at < piece.size(); at += bytes) {
            bytes = code_point_at(piece, at).bytes;
            if (const auto id = character(piece, at, bytes)) {
                if (unknown) add(*config_.unk_id);
                unknown = false;
                add(*id);
                continue;
            }
            if (config_.byte_fallback) {
                const auto known = [&](char b) { return bpe_.bytes_.of(b).has_value(); };
                if (std::all_of(spelling_.begin(), spelling_.end(), known)) {
                    // The library writes these before an unknown token that waits, and so must we.
                    for (const char b : spelling_) add(*bpe_.bytes_.of(b));
                    continue;
                }
            }
            if (!config_.unk_token) continue; // dropped without a trace
            if (!config_.unk_id) {
                const std::string why = ": key 'unk_token' names '" + config_.unk_token->substr(0, 64) +
                                        "', which is not in the vocabulary";
                return Error{ErrorCode::malformed, config_.origin + why, {}};
            }
            if (unknown && !config_.fuse_unk) add(*config_.unk_id);
            unknown = true;
        }
        if (unknown) add(*config_.unk_id);
        return Ok{};
    }

    void push(uint32_t left, uint32_t right) {
        if (const auto* m = config_.merges.find(symbols_[left].id, symbols_[right].id)) {
            heap_.push_back({m->rank, left, m->id});
            std::push_heap(heap_.begin(), heap_.end());
        }
    }

    void merge() {
        heap_.clear();
        for (uint32_t i = 0; i + 1 < symbols_.size(); ++i) {
            if (const auto* m = config_.merges.find(symbols_[i].id, symbols_[i + 1].id))
                heap_.push_back({m->rank, i, m->id});
        }
        std::make_heap(heap_.begin(), heap_.end());
        while (!heap_.empty()) {
            std::pop_heap(heap_.begin(), heap_.end());
            const Candidate best = heap_.back();
            heap_.pop_back();
            Symbol& left = symbols_[best.position];
            if (!left.alive || left.next == kNone) continue;
            Symbol& right = symbols_[left.next];
            const auto* m = config_.merges.find(left.id, right.id);
            if (!m || m->id != best.id) continue; // one of the two has changed since
            left.id = best.id;
            left.next = right.next;
            right.alive = false;
            if (left.next != kNone) symbols_[left.next].previous = best.position;
            if (left.previous != kNone) push(left.previous, best.position);
            if (left.next != kNone) push(best.position, left.next);
        }
    }

    void collect(std::vector<uint32_t>& ids) const {
        for (const Symbol& s : symbols_) {
            if (s.alive) ids.push_back(s.id);
        }
    }

    const Bpe& bpe_;
    const BpeConfig& config_;
    std::vector<Symbol> symbols_;
    std::vector<Candidate> heap_;
    std::string_view spelling_; // the character last looked up, with prefix and suffix
    std::string written_;
    std::unordered_map<std::string_view, std::pair<uint32_t, uint32_t>> cache_; // ranges of cached_
    std::vector<uint32_t> cached_;
};

Bpe::Bpe(BpeConfig config) : config_(std::move(config)), bytes_(config_.vocabulary) {
    cuttable_ = config_.continuing_prefix.empty() && config_.end_suffix.empty() && !config_.vocabulary.shares_ids();
    std::string text;
    for (char32_t c = 0; c < kDirect; ++c) {
        text.clear();
        append_code_point(text, c);
        direct_[c] = config_.vocabulary.id_of(text).value_or(kNone);
    }
}

std::unique_ptr<TokenSession> Bpe::begin() const { return std::make_unique<Session>(*this); }

// One entry of `merges`: ["a", "b"] or "a b". False if it is neither.
bool read_pair(const Json& item, std::string_view& left, std::string_view& right) {
    if (item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string()) {
        left = item[0].get_ref<const std::string&>();
        right = item[1].get_ref<const std::string&>();
        return true;
    }
    if (!item.is_string()) return false;
    const std::string_view line = item.get_ref<const std::string&>();
    const size_t space = line.find(' ');
    if (space == line.npos || line.find(' ', space + 1) != line.npos) return false;
    left = line.substr(0, space);
    right = line.substr(space + 1);
    return true;
}

Status read_merges(const JsonObject& part, BpeConfig& config) {
    const auto found = part.json().find("merges");
    if (found == part.json().end() || !found->is_array()) return part.bad("merges", "must be a list");
    const Json& list = *found;
    config.merges = MergeTable(list.size());
    std::string joined;
    uint32_t rank = 0;
    for (const Json& item : list) {
        if (item.is_string() && item.get_ref<const std::string&>().starts_with("#version"))
            continue; // the first line of a merges.txt
        const auto bad = [&](const std::string& why) {
            return part.bad("merges", "must be pairs of tokens: entry " + std::to_string(rank) + " " + why);
        };
        std::string_view left, right;
        if (item.is_array() != list[0].is_array() || !read_pair(item, left, right))
            return bad("is not [\"a\", \"b\"] (or, in all entries, \"a b\")");
        const auto id_of = [&](std::string_view token) { return config.vocabulary.id_of(token); };
        const auto unknown = [&](std::string_view token) {
            return bad("needs the token '" + std::string(token.substr(0, 64)) + "', which is not in the vocabulary");
        };
        const auto left_id = id_of(left), right_id = id_of(right);
        if (!left_id) return unknown(left);
        if (!right_id) return unknown(right);
        if (right.size() < config.continuing_prefix.size()) return bad("is shorter than continuing_subword_prefix");
        joined = left;
        joined += right.substr(config.continuing_prefix.size());
        const auto id = id_of(joined);
        if (!id) return unknown(joined);
        config.merges.set(*left_id, *right_id, {rank++, *id});
        config.junctions.add(left, right);
    }
    return Ok{};
}

} // namespace

void JunctionTable::add(std::string_view left, std::string_view right) {
    if (left.empty() || right.empty()) return give_up();
    const uint32_t bit = bit_of(code_point_before(left, left.size()).value, code_point_at(right, 0).value);
    bits_[bit / 64] |= uint64_t(1) << (bit % 64);
}

bool JunctionTable::can_join(char32_t left, char32_t right) const {
    const uint32_t bit = bit_of(left, right);
    return all_ || (bits_[bit / 64] >> (bit % 64) & 1) != 0;
}

MergeTable::MergeTable(size_t count)
    : slots_(std::bit_ceil(count + count / 2 + 1), Slot{kEmpty, {}}), mask_(slots_.size() - 1) {}

size_t MergeTable::slot_of(uint64_t key) const {
    uint64_t hash = key * 0x9e3779b97f4a7c15u; // multiplies mix upwards: fold the top half down
    hash ^= hash >> 32;
    size_t slot = size_t(hash) & mask_;
    while (slots_[slot].key != key && slots_[slot].key != kEmpty) slot = (slot + 1) & mask_;
    return slot;
}

void MergeTable::set(uint32_t left, uint32_t right, Merge merge) {
    const uint64_t key = (uint64_t(left) << 32) | right;
    slots_[slot_of(key)] = {key, merge};
}

const MergeTable::Merge* MergeTable::find(uint32_t left, uint32_t right) const {
    const uint64_t key = (uint64_t(left) << 32) | right;
    const Slot& slot = slots_[slot_of(key)];
    return slot.key == key ? &slot.merge : nullptr;
}

Status derive_merges(BpeConfig& config, const std::vector<uint32_t>& ranks) {
    struct Found {
        uint32_t left, right;
        MergeTable::Merge merge;
    };
    std::vector<Found> found;
    std::optional<uint32_t> too_long;
    const auto cut = [&](std::string_view token, uint32_t id) {
        if (ranks[id] == kNoRank) return;
        if (token.size() > kLongestMerged) too_long = id;
        for (size_t at = code_point_at(token, 0).bytes; at < token.size() && !too_long;
             at += code_point_at(token, at).bytes) {
            const auto left = config.vocabulary.id_of(token.substr(0, at));
            const auto right = left ? config.vocabulary.id_of(token.substr(at)) : std::nullopt;
            if (!right || ranks[*left] == kNoRank || ranks[*right] == kNoRank) continue;
            found.push_back({*left, *right, {ranks[id], id}});
            config.junctions.add(token.substr(0, at), token.substr(at));
        }
    };
    config.vocabulary.each(cut);
    if (too_long)
        return Error{ErrorCode::unsupported,
                     config.origin + ": token " + std::to_string(*too_long) + " has more than " +
                         std::to_string(kLongestMerged) + " bytes",
                     {}};
    config.merges = MergeTable(found.size());
    for (const Found& f : found) config.merges.set(f.left, f.right, f.merge);
    return Ok{};
}

std::unique_ptr<TokenModel> make_bpe(BpeConfig config) { return std::make_unique<Bpe>(std::move(config)); }

Result<std::unique_ptr<TokenModel>> read_bpe(const PartReader& part) {
    BpeConfig config;
    config.origin = part.origin();
    weft_ASSIGN(config.vocabulary, Vocabulary::read(part, "vocab"));
    weft_ASSIGN(config.continuing_prefix, part.string_or("continuing_subword_prefix", ""));
    weft_ASSIGN(config.end_suffix, part.string_or("end_of_word_suffix", ""));
    if (config.continuing_prefix.size() > kLongestAround)
        return part.bad("continuing_subword_prefix", "must have at most 256 bytes");
    if (config.end_suffix.size() > kLongestAround) return part.bad("end_of_word_suffix", "must have at most 256 bytes");
    weft_ASSIGN(config.fuse_unk, part.boolean_or("fuse_unk", false));
    weft_ASSIGN(config.byte_fallback, part.boolean_or("byte_fallback", false));
    weft_ASSIGN(config.ignore_merges, part.boolean_or("ignore_merges", false));
    if (part.has("unk_token")) {
        weft_ASSIGN(config.unk_token, part.string("unk_token"));
        config.unk_id = config.vocabulary.id_of(*config.unk_token);
    }
    weft_TRY(read_merges(part, config)); // dropout is for training: inference ignores it
    return make_bpe(std::move(config));
}

} // namespace weft::detail::text
