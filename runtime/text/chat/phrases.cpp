// SPDX-License-Identifier: Apache-2.0
#include "text/chat/phrases.hpp"
#include <algorithm>
#include <utility>

namespace weft::detail::text {

PhraseScanner::Found PhraseScanner::next() {
    Found found;
    size_t begin = 0, end = std::string::npos;
    for (size_t i = 0; i < phrases_.size(); ++i) {
        const size_t at = waiting_.find(phrases_[i]);
        if (at == std::string::npos) continue;
        const size_t stop = at + phrases_[i].size();
        if (stop > end || (stop == end && at > begin)) continue;
        begin = at;
        end = stop;
        found.phrase = i;
    }
    if (found.phrase) {
        found.before = waiting_.substr(0, begin);
        waiting_.erase(0, end);
        return found;
    }
    size_t held = 0;
    for (const std::string& phrase : phrases_) {
        size_t length = std::min(phrase.size() - 1, waiting_.size());
        while (length > held && !waiting_.ends_with(std::string_view(phrase).substr(0, length))) --length;
        held = std::max(held, length);
    }
    found.before = waiting_.substr(0, waiting_.size() - held);
    waiting_.erase(0, waiting_.size() - held);
    return found;
}

std::string PhraseScanner::flush() { return std::exchange(waiting_, {}); }

} // namespace weft::detail::text
