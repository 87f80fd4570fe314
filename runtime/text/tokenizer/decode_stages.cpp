// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/decode_stages.hpp"
#include "unicode/unicode.hpp"

namespace weft::detail::text {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// Every `from` becomes `to`. An empty `from` lies between all characters.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
    std::string out;
    if (from.empty()) {
        for (size_t at = 0; at < text.size();) {
            const size_t bytes = code_point_at(text, at).bytes;
            out += to;
            out += text.substr(at, bytes);
            at += bytes;
        }
        return out += to;
    }
    size_t done = 0;
    for (size_t at = text.find(from); at != text.npos; at = text.find(from, done)) {
        out += text.substr(done, at - done);
        out += to;
        done = at + from.size();
    }
    return out += text.substr(done);
}

// Takes back what splitting English into words did.
std::string clean_up(std::string text) {
    for (const auto& [from, to] : kSplitEnglish) text = replace_all(text, from, to);
    return replace_all(text, " do not", " don't");
}

// The byte that a token <0xAB> stands for. A sign is allowed before one digit, as where this comes from.
std::optional<char> fallback_byte(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
    const auto digit = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    };
    const int high = token[3] == '+' ? 0 : digit(token[3]), low = digit(token[4]);
    if (high < 0 || low < 0) return std::nullopt;
    return char(high * 16 + low);
}

} // namespace

void JoinStage::take(std::string token) {
    if (!first_) token.insert(0, " ");
    first_ = false;
    give(token);
}

void ByteLevelStage::end_token() {
    const auto bytes = ByteAlphabet::get().decode(token_);
    next_.part(repair_.push(bytes ? *bytes : token_));
    token_.clear();
}

void ByteLevelStage::finish() {
    next_.part(repair_.finish());
    next_.end_token();
    next_.finish();
}

void ReplaceStringStage::part(std::string_view text) {
    const std::string_view pattern = *config_.pattern.literal();
    waiting_ += text;
    std::string out;
    size_t done = 0;
    for (size_t at = waiting_.find(pattern); at != waiting_.npos; at = waiting_.find(pattern, done)) {
        out.append(waiting_, done, at - done);
        out += config_.content;
        done = at + pattern.size();
    }
    // The longest end that begins the pattern waits for more.
    size_t keep = std::min(waiting_.size() - done, pattern.size() - 1);
    while (keep > 0 && !pattern.starts_with(std::string_view(waiting_).substr(waiting_.size() - keep))) --keep;
    out.append(waiting_, done, waiting_.size() - keep - done);
    waiting_.erase(0, waiting_.size() - keep);
    if (!out.empty()) next_.part(out);
}

void ReplaceStringStage::end_token() {
    if (!waiting_.empty()) next_.part(waiting_);
    waiting_.clear();
    next_.end_token();
}

void ReplaceStage::take(std::string token) {
    const auto cuts = config_.pattern.cut(token);
    if (!cuts) return give(token);
    std::string out;
    for (const Cut& cut : *cuts) {
        if (cut.match) out += config_.content;
        else out.append(token, cut.begin, cut.end - cut.begin);
    }
    give(out);
}

void StripStage::part(std::string_view text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        const size_t bytes = code_point_at(text, at).bytes;
        const std::string_view c = text.substr(at, bytes);
        at += bytes;
        const bool is_content = c == config_.content;
        if (in_front_ && is_content && front_ < config_.start) {
            ++front_;
            continue;
        }
        in_front_ = false;
        if (is_content && config_.stop > 0) {
            if (waiting_ < config_.stop) ++waiting_;
            else out += c; // one more than can be taken off: the first of them is safe
            continue;
        }
        for (; waiting_ > 0; --waiting_) out += config_.content;
        out += c;
    }
    if (!out.empty()) next_.part(out);
}

void StripStage::end_token() {
    front_ = waiting_ = 0;
    in_front_ = true;
    next_.end_token();
}

void MetaspaceStage::part(std::string_view text) {
    next_.part(replace_all(text, config_.replacement, first_ && config_.prepended ? "" : " "));
}

void MetaspaceStage::end_token() {
    first_ = false;
    next_.end_token();
}

void ByteFallbackStage::take(std::string token) {
    if (const auto byte = fallback_byte(token)) {
        bytes_ += *byte;
        return;
    }
    last();
    give(token);
}

void ByteFallbackStage::last() {
    if (bytes_.empty()) return;
    if (valid_utf8_prefix(bytes_) == bytes_.size()) {
        give(bytes_);
    } else {
        for (size_t i = 0; i < bytes_.size(); ++i) give(kReplacement);
    }
    bytes_.clear();
}

void SuffixStage::take(std::string token) {
    if (holding_) give(replace_all(held_, config_.suffix, " "));
    held_ = std::move(token);
    holding_ = true;
}

void SuffixStage::last() {
    if (holding_) give(replace_all(held_, config_.suffix, ""));
    holding_ = false;
}

void WordPieceStage::take(std::string token) {
    if (!first_) {
        if (token.starts_with(config_.prefix)) token.erase(0, config_.prefix.size());
        else token.insert(0, " ");
    }
    first_ = false;
    give(config_.cleanup ? clean_up(std::move(token)) : token);
}

void CtcStage::take(std::string token) {
    if (!first_ && token == previous_) return;
    first_ = false;
    previous_ = token;
    token = replace_all(token, config_.pad, "");
    if (config_.cleanup) token = replace_all(clean_up(std::move(token)), config_.delimiter, " ");
    if (!token.empty()) give(token);
}

} // namespace weft::detail::text
