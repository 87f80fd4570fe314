// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/pieces.hpp"
#include <algorithm>

namespace weft::detail::text {

void apply_behavior(SplitBehavior behavior, std::vector<Cut>& cuts) {
    std::vector<Cut> joined;
    bool previous = false;
    switch (behavior) {
    case SplitBehavior::isolated: return;
    case SplitBehavior::removed:
        cuts.erase(std::remove_if(cuts.begin(), cuts.end(), [](const Cut& c) { return c.match; }), cuts.end());
        return;
    case SplitBehavior::contiguous: // neighbours of the same kind are one piece
        for (const Cut& c : cuts) {
            if (c.match == previous && !joined.empty()) joined.back().end = c.end;
            else joined.push_back(c);
            previous = c.match;
        }
        break;
    case SplitBehavior::merged_with_previous: // a match joins the piece before it, unless that is a match
        for (const Cut& c : cuts) {
            if (c.match && !previous && !joined.empty()) joined.back().end = c.end;
            else joined.push_back(c);
            previous = c.match;
        }
        break;
    case SplitBehavior::merged_with_next:
        for (auto c = cuts.rbegin(); c != cuts.rend(); ++c) {
            if (c->match && !previous && !joined.empty()) joined.back().begin = c->begin;
            else joined.push_back(*c);
            previous = c->match;
        }
        std::reverse(joined.begin(), joined.end());
        break;
    }
    cuts = std::move(joined);
}

} // namespace weft::detail::text
