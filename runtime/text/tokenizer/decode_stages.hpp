// SPDX-License-Identifier: Apache-2.0
// L5: the decoders' stages and their settings.
#pragma once
#include "text/regex/pattern.hpp"
#include "text/tokenizer/decoders.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>

namespace weft::detail::text {

/// What splitting English into words has made of it, and what it was.
inline constexpr std::pair<std::string_view, std::string_view> kSplitEnglish[] = {
    {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
    {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
};

struct NoConfig {
    size_t growth() const { return 1; }
};

/// A stage that works on whole tokens.
class WholeTokens : public DecodeStage {
public:
    explicit WholeTokens(DecodeStage& next) : next_(next) {}
    void part(std::string_view text) override { token_ += text; }
    void end_token() override {
        std::string token;
        token.swap(token_);
        take(std::move(token));
    }
    void finish() override {
        last();
        next_.finish();
    }

protected:
    virtual void take(std::string token) = 0;
    /// All tokens have been taken.
    virtual void last() {}
    void give(std::string_view token) {
        next_.part(token);
        next_.end_token();
    }

private:
    DecodeStage& next_;
    std::string token_;
};

/// No decoder: a space before every token but the first.
class JoinStage final : public WholeTokens {
public:
    JoinStage(DecodeStage& next, const NoConfig&) : WholeTokens(next) {}

private:
    void take(std::string token) override;
    bool first_ = true;
};

/// The byte alphabet back to bytes, the bytes to text; all tokens become one.
class ByteLevelStage final : public DecodeStage {
public:
    ByteLevelStage(DecodeStage& next, const NoConfig&) : next_(next) {}
    void part(std::string_view text) override { token_ += text; }
    void end_token() override;
    void finish() override;

private:
    DecodeStage& next_;
    std::string token_;
    Utf8Repair repair_;
};

/// All tokens become one.
class FuseStage final : public DecodeStage {
public:
    FuseStage(DecodeStage& next, const NoConfig&) : next_(next) {}
    void part(std::string_view text) override { next_.part(text); }
    void end_token() override {}
    void finish() override {
        next_.end_token();
        next_.finish();
    }

private:
    DecodeStage& next_;
};

struct ReplaceConfig {
    Pattern pattern;
    std::string content;
    size_t growth() const {
        const auto literal = pattern.literal();
        return literal ? std::max<size_t>(1, (content.size() + literal->size() - 1) / literal->size())
                       : content.size() + 1;
    }
};

/// Replace of a string, in a token that may still be coming: keeps only what may be the start of a match.
class ReplaceStringStage final : public DecodeStage {
public:
    ReplaceStringStage(DecodeStage& next, const ReplaceConfig& config) : next_(next), config_(config) {}
    void part(std::string_view text) override;
    void end_token() override;
    void finish() override { next_.finish(); }

private:
    DecodeStage& next_;
    const ReplaceConfig& config_;
    std::string waiting_;
};

/// Replace of a regular expression. A token on which it gives up stays as it is.
class ReplaceStage final : public WholeTokens {
public:
    ReplaceStage(DecodeStage& next, const ReplaceConfig& config) : WholeTokens(next), config_(config) {}

private:
    void take(std::string token) override;
    const ReplaceConfig& config_;
};

struct StripConfig {
    std::string content; ///< one character
    size_t start = 0, stop = 0;
    size_t growth() const { return 1; }
};

/// Takes up to `start` characters off each token's front and up to `stop` off its end, as long as they are `content`.
class StripStage final : public DecodeStage {
public:
    StripStage(DecodeStage& next, const StripConfig& config) : next_(next), config_(config) {}
    void part(std::string_view text) override;
    void end_token() override;
    void finish() override { next_.finish(); }

private:
    DecodeStage& next_;
    const StripConfig& config_;
    size_t front_ = 0; // taken off this token's front so far
    bool in_front_ = true;
    size_t waiting_ = 0; // times `content` that may be the end
};

struct MetaspaceConfig {
    std::string replacement;
    bool prepended; ///< then the replacements in the first token are dropped
    size_t growth() const { return 1; }
};

class MetaspaceStage final : public DecodeStage {
public:
    MetaspaceStage(DecodeStage& next, const MetaspaceConfig& config) : next_(next), config_(config) {}
    void part(std::string_view text) override;
    void end_token() override;
    void finish() override { next_.finish(); }

private:
    DecodeStage& next_;
    const MetaspaceConfig& config_;
    bool first_ = true;
};

/// Tokens <0x00> to <0xFF> back to bytes. A run of them that is not UTF-8 becomes as many U+FFFD,
/// so each run waits for its end.
class ByteFallbackStage final : public WholeTokens {
public:
    ByteFallbackStage(DecodeStage& next, const NoConfig&) : WholeTokens(next) {}

private:
    void take(std::string token) override;
    void last() override;
    std::string bytes_;
};

struct SuffixConfig {
    std::string suffix;
    size_t growth() const { return suffix.empty() ? 2 : 1; }
};

/// An end-of-word suffix becomes a space; in the last token, nothing. So each token waits for the next.
class SuffixStage final : public WholeTokens {
public:
    SuffixStage(DecodeStage& next, const SuffixConfig& config) : WholeTokens(next), config_(config) {}

private:
    void take(std::string token) override;
    void last() override;
    const SuffixConfig& config_;
    std::string held_;
    bool holding_ = false;
};

struct WordPieceConfig {
    std::string prefix;
    bool cleanup;
    size_t growth() const { return 2; }
};

/// Joins tokens with the prefix to the one before, the others with a space.
class WordPieceStage final : public WholeTokens {
public:
    WordPieceStage(DecodeStage& next, const WordPieceConfig& config) : WholeTokens(next), config_(config) {}

private:
    void take(std::string token) override;
    const WordPieceConfig& config_;
    bool first_ = true;
};

struct CtcConfig {
    std::string pad, delimiter;
    bool cleanup;
    size_t growth() const { return delimiter.empty() ? 2 : 1; }
};

/// Drops repeated tokens and the blank one.
class CtcStage final : public WholeTokens {
public:
    CtcStage(DecodeStage& next, const CtcConfig& config) : WholeTokens(next), config_(config) {}

private:
    void take(std::string token) override;
    const CtcConfig& config_;
    std::string previous_;
    bool first_ = true;
};

} // namespace weft::detail::text
