// SPDX-License-Identifier: Apache-2.0
#include "text/pieces.hpp"
#include <algorithm>

namespace weft::text {

Result<SplitBehavior> read_behavior(const JsonObject& part, std::optional<SplitBehavior> otherwise) {
    if (!part.has("behavior") && otherwise) return *otherwise;
    weft_ASSIGN(const std::string name, part.string("behavior"));
    if (name == "Removed") return SplitBehavior::removed;
    if (name == "Isolated") return SplitBehavior::isolated;
    if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
    if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
    if (name == "Contiguous") return SplitBehavior::contiguous;
    return part.bad("behavior", "must be Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

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

} // namespace weft::text
