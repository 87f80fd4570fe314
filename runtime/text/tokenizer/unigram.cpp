// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/unigram.hpp"
#include "text/tokenizer/byte_tokens.hpp"
#include "text/tokenizer/part.hpp"
#include "text/tokenizer/prefix_tree.hpp"
#include <algorithm>
#include <cmath>
#include <limits>

namespace weft::detail::text {
namespace {

constexpr double kUnkPenalty = 10;

class Unigram final : public TokenModel {
public:
    explicit Unigram(UnigramConfig config) : config_(std::move(config)), bytes_(config_.vocabulary) {
        config_.vocabulary.each([&](std::string_view piece, uint32_t id) {
            if (!std::isnan(config_.scores[id])) pieces_.add(piece, id);
        });
    }
    const Vocabulary& vocabulary() const override { return config_.vocabulary; }
    std::unique_ptr<TokenSession> begin() const override;

    UnigramConfig config_;
    ByteTokens bytes_;
    PrefixTree pieces_;
};

class Session final : public TokenSession {
public:
    explicit Session(const Unigram& model) : model_(model) {}

    Status tokenize(std::string_view text, std::vector<uint32_t>& ids) override {
        size_t begin = 0, furthest = 0; // of all pieces that start so far
        double score = 0;
        unknown_ = {};
        ends_.assign(1, {score, 0, PrefixTree::kNone, true});
        for (size_t at = 0; at < text.size();) {
            if (at == furthest && at > begin) { // every way passes here: what lies before is decided
                score = ends_[at - begin].score;
                weft_TRY(collect(text.substr(begin, at - begin), ids));
                begin = at;
                ends_.assign(1, {score, 0, PrefixTree::kNone, true});
            }
            const size_t bytes = code_point_at(text, at).bytes;
            score = ends_[at - begin].score;
            bool single = false;
            uint32_t node = PrefixTree::kRoot;
            for (size_t end = at; end < text.size();) {
                node = model_.pieces_.step(node, static_cast<unsigned char>(text[end]));
                if (node == PrefixTree::kNone) break;
                ++end;
                const uint32_t id = model_.pieces_.value(node);
                if (id == PrefixTree::kNone) continue;
                offer(at - begin, end - begin, rounded(score + model_.config_.scores[id]), id);
                furthest = std::max(furthest, end);
                if (end - at == bytes) single = true;
            }
            if (!single) {
                offer(at - begin, at + bytes - begin, rounded(score + model_.config_.unk_score), PrefixTree::kNone);
                furthest = std::max(furthest, at + bytes);
            }
            at += bytes;
        }
        weft_TRY(collect(text.substr(begin), ids));
        return end_unknown(ids);
    }

private:
    // The best way to reach a place.
    struct End {
        double score = 0;
        uint32_t start = 0, id = PrefixTree::kNone; // of its last piece
        bool reached = false;
    };

    double rounded(double score) const { return model_.config_.float_sums ? double(float(score)) : score; }

    void offer(size_t start, size_t end, double score, uint32_t id) {
        if (ends_.size() <= end) ends_.resize(end + 1);
        End& best = ends_[end];
        if (!best.reached || score > best.score) best = {score, uint32_t(start), id, true};
    }

    Status collect(std::string_view stretch, std::vector<uint32_t>& ids) {
        path_.clear();
        for (size_t end = stretch.size(); end > 0; end = ends_[end].start) path_.push_back(uint32_t(end));
        for (size_t i = path_.size(); i-- > 0;) {
            const End& piece = ends_[path_[i]];
            const std::string_view text = stretch.substr(piece.start, path_[i] - piece.start);
            if (piece.id == PrefixTree::kNone || piece.id == model_.config_.unk_id) {
                unknown_ = unknown_.empty() ? text : std::string_view(unknown_.data(), unknown_.size() + text.size());
                continue;
            }
            weft_TRY(end_unknown(ids));
            ids.push_back(piece.id);
        }
        return Ok{};
    }

    Status end_unknown(std::vector<uint32_t>& ids) {
        if (unknown_.empty()) return Ok{};
        const std::string_view text = unknown_;
        unknown_ = {};
        const UnigramConfig& config = model_.config_;
        if (!config.unk_id)
            return Error{ErrorCode::malformed,
                         config.origin +
                             ": key 'unk_id' is missing, and the text has characters that are not in the vocabulary",
                         {}};
        if (const auto id = config.vocabulary.id_of(text)) ids.push_back(*id);
        else if (!config.byte_fallback || !model_.bytes_.add(text, ids)) ids.push_back(*config.unk_id);
        return Ok{};
    }

    const Unigram& model_;
    std::vector<End> ends_;
    std::vector<uint32_t> path_;
    std::string_view unknown_; // a run of unknown characters that may go on
};

std::unique_ptr<TokenSession> Unigram::begin() const { return std::make_unique<Session>(*this); }

} // namespace

std::unique_ptr<TokenModel> make_unigram(UnigramConfig config) { return std::make_unique<Unigram>(std::move(config)); }

Result<std::unique_ptr<TokenModel>> read_unigram(const PartReader& part) {
    UnigramConfig config;
    config.origin = part.origin();
    const auto list = part.json().find("vocab");
    if (list == part.json().end() || !list->is_array()) return part.bad("vocab", "must be a list");
    if (list->size() > kHighestToken) return part.bad("vocab", "must have less than 2^24 entries");
    double lowest = std::numeric_limits<double>::infinity();
    for (const Json& item : *list) {
        const auto id = uint32_t(config.scores.size());
        if (!item.is_array() || item.size() != 2 || !item[0].is_string() || !item[1].is_number())
            return part.bad("vocab", "must be pairs of a piece and its score: entry " + std::to_string(id) + " is not");
        config.scores.push_back(item[1].get<double>());
        if (!std::isfinite(config.scores.back()))
            return part.bad("vocab", "must have finite scores: entry " + std::to_string(id) + " has none");
        lowest = std::min(lowest, config.scores.back());
        weft_TRY(
            config.vocabulary.add_checked(item[0].get_ref<const std::string&>(), id, part.origin() + ": key 'vocab'"));
    }
    if (config.scores.empty()) return part.bad("vocab", "must not be empty");
    config.unk_score = lowest - kUnkPenalty;
    if (part.has("unk_id")) {
        weft_ASSIGN(const int64_t id, part.integer("unk_id"));
        if (id < 0 || uint64_t(id) >= config.scores.size())
            return part.bad("unk_id", "must be below the number of pieces");
        config.unk_id = uint32_t(id);
    }
    weft_ASSIGN(config.byte_fallback, part.boolean_or("byte_fallback", false));
    return make_unigram(std::move(config));
}

} // namespace weft::detail::text
