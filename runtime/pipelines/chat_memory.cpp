// SPDX-License-Identifier: Apache-2.0
#include "pipelines/chat_memory.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

size_t common(std::string_view a, std::string_view b) {
    return size_t(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}
size_t common(std::span<const uint32_t> a, std::span<const uint32_t> b) {
    return size_t(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

} // namespace

Result<std::vector<uint32_t>> ChatMemory::tokens_of(const ShownPictures& shown, const Tokenizer& tokenizer,
                                                    std::string_view text) const {
    const size_t same = common(text, text_);
    std::vector<std::pair<size_t, size_t>> places; // text, tokens
    for (const Mark& mark : marks_)
        if (mark.text) places.emplace_back(*mark.text, mark.tokens);
    places.emplace_back(text_.size(), tokens_.size());
    for (size_t i = places.size(); i-- > 0;) {
        const auto [text_length, count] = places[i];
        if (text_length > same || text_length == 0 || text_length == text.size()) continue;
        const std::string_view rest = text.substr(text_length);
        weft_ASSIGN(const std::vector<uint32_t> more, shown.encode(rest));
        if (more.empty() || shown.is_row(more[0]) || !tokenizer.is_special(more[0]) ||
            !rest.starts_with(tokenizer.token(more[0])))
            continue;
        std::vector<uint32_t> all(tokens_.begin(), tokens_.begin() + ptrdiff_t(count));
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    return shown.encode(text); // templates write the special tokens themselves
}

Status ChatMemory::go_back(Session& session, std::vector<uint32_t> tokens, std::string text) {
    const size_t had = std::min<size_t>(session.length(0), tokens_.size());
    size_t same = std::min(common(std::span(tokens_).first(had), tokens), tokens.size() - 1);
    while (same && ShownPictures::is_row(tokens[same]) && ShownPictures::is_row(tokens[same - 1])) --same; // whole ones
    const size_t same_tokens = common(tokens_, tokens), same_text = common(text_, text);
    std::erase_if(marks_, [&](const Mark& mark) { return mark.tokens > same_tokens; });
    for (Mark& mark : marks_) {
        if (mark.tokens > same) mark.snapshot.reset();
        if (mark.text > same_text) mark.text.reset();
    }
    tokens_ = std::move(tokens);
    text_ = std::move(text);
    if (session.can_truncate()) {
        torn_ = false;
        return session.truncate(0, uint32_t(std::min<size_t>(same, session.length(0))));
    }
    if (same == session.length(0) && !torn_) return Ok{};
    torn_ = false;
    const auto at =
        std::find_if(marks_.rbegin(), marks_.rend(), [](const Mark& mark) { return mark.snapshot.has_value(); });
    if (at != marks_.rend()) return session.restore(0, *at->snapshot);
    session.reset(0);
    return Ok{};
}

Status ChatMemory::mark(Session& session, std::optional<size_t> text_length) {
    const size_t here = session.length(0);
    if (here == 0 || torn_) return Ok{};
    if (here == tokens_.size()) text_length = text_.size();
    auto at = std::find_if(marks_.begin(), marks_.end(), [&](const Mark& mark) { return mark.tokens >= here; });
    if (at == marks_.end() || at->tokens != here) at = marks_.insert(at, Mark{here, {}, {}});
    if (text_length) at->text = text_length;
    if (session.can_truncate() || at->snapshot) return Ok{};
    const auto has = [](const Mark& mark) { return mark.snapshot.has_value(); };
    if (std::count_if(marks_.begin(), marks_.end(), has) >= kChatHolds) {
        // Stays: it is the system prompt's, or where an undone first question goes back to.
        const auto first = std::find_if(marks_.begin(), marks_.end(), has);
        std::find_if(first + 1, marks_.end(), has)->snapshot.reset();
    }
    weft_ASSIGN(at->snapshot, session.hold(0));
    return Ok{};
}

void ChatMemory::add(std::span<const uint32_t> tokens, std::string_view text) {
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    text_ += text;
}

void ChatMemory::clear() {
    text_.clear();
    tokens_.clear();
    marks_.clear();
}

uint64_t ChatMemory::snapshot_bytes() const {
    uint64_t bytes = 0;
    for (const Mark& mark : marks_)
        if (mark.snapshot) bytes += mark.snapshot->bytes;
    return bytes;
}

nlohmann::ordered_json ChatMemory::to_json(std::string_view said) const {
    const size_t same = common(text_, said);
    auto places = nlohmann::ordered_json::array();
    size_t text = 0, tokens = 0;
    for (const Mark& mark : marks_)
        if (mark.text && *mark.text <= same) {
            text = *mark.text;
            tokens = mark.tokens;
            places.push_back({text, tokens});
        }
    if (same == text_.size()) {
        text = same;
        tokens = tokens_.size();
    }
    return {{"text", text_.substr(0, text)}, {"tokens", std::span(tokens_).first(tokens)}, {"places", places}};
}

bool ChatMemory::from_json(const nlohmann::ordered_json& json, uint32_t vocabulary) {
    const auto number = [](const nlohmann::ordered_json& value, size_t most) {
        return value.is_number_unsigned() && value.get<uint64_t>() <= most;
    };
    clear();
    if (!json.is_object() || !json.contains("text") || !json["text"].is_string() || !json.contains("tokens") ||
        !json["tokens"].is_array() || !json.contains("places") || !json["places"].is_array())
        return false;
    std::string text = json["text"];
    std::vector<uint32_t> tokens;
    for (const auto& id : json["tokens"]) {
        if (!number(id, vocabulary - 1)) return false;
        tokens.push_back(id);
    }
    std::vector<Mark> marks;
    for (const auto& place : json["places"]) {
        if (!place.is_array() || place.size() != 2 || !number(place[0], text.size()) ||
            !number(place[1], tokens.size()))
            return false;
        Mark mark{place[1], size_t(place[0]), {}};
        if (mark.tokens == 0 ||
            (!marks.empty() && (marks.back().tokens >= mark.tokens || *marks.back().text > *mark.text)))
            return false;
        marks.push_back(std::move(mark));
    }
    text_ = std::move(text);
    tokens_ = std::move(tokens);
    marks_ = std::move(marks);
    return true;
}

} // namespace weft::detail
