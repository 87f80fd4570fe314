// SPDX-License-Identifier: Apache-2.0
#include "text/regex/pattern.hpp"
#include "base/json.hpp"
#include "unicode/utf8.hpp"

namespace weft::detail::text {

Result<Pattern> Pattern::read(const JsonObject& part) {
    const auto rule = [&] { return part.bad("pattern", "must be {\"String\": ...} or {\"Regex\": ...}"); };
    if (!part.has("pattern")) return rule();
    weft_ASSIGN(const JsonObject object, part.object("pattern"));
    if (object.json().size() != 1) return rule();
    Pattern pattern;
    if (object.has("String")) {
        weft_ASSIGN(pattern.literal_, object.string("String"));
    } else if (object.has("Regex")) {
        weft_ASSIGN(const std::string text, object.string("Regex"));
        weft_ASSIGN(pattern.regex_, Regex::compile(text, part.origin() + ": key 'pattern'"));
    } else {
        return rule();
    }
    return pattern;
}

std::optional<std::string_view> Pattern::literal() const {
    if (regex_ || literal_.empty()) return std::nullopt;
    return literal_;
}

Result<std::vector<Cut>> Pattern::cut(std::string_view text) const {
    if (text.empty()) return std::vector<Cut>{{0, 0, false}};
    std::vector<Cut> cuts;
    size_t done = 0;
    const auto add = [&](size_t begin, size_t end) {
        if (done != begin) cuts.push_back({done, begin, false});
        cuts.push_back({begin, end, true});
        done = end;
    };
    if (regex_) {
        weft_ASSIGN(const std::vector<Regex::Span> spans, regex_->find_all(text));
        cuts.reserve(spans.size() + 1);
        for (const auto& span : spans) add(span.begin, span.end);
    } else if (literal_.empty()) { // matches between all characters
        for (size_t at = 0; at < text.size(); at += code_point_at(text, at).bytes) add(at, at);
        add(text.size(), text.size());
    } else {
        for (size_t at = text.find(literal_); at != text.npos; at = text.find(literal_, at + literal_.size()))
            add(at, at + literal_.size());
    }
    if (done != text.size()) cuts.push_back({done, text.size(), false});
    return cuts;
}

} // namespace weft::detail::text
