// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/prefix_tree.hpp"

namespace weft::detail::text {

void PrefixTree::add(std::string_view text, uint32_t value) {
    if (text.empty()) return;
    uint32_t node = kRoot;
    for (const char c : text) {
        const uint64_t key = uint64_t(node) << 8 | static_cast<unsigned char>(c);
        size_t slot = slot_of(key);
        if (edges_[slot].key != key) {
            if (2 * values_.size() >= edges_.size()) {
                grow();
                slot = slot_of(key);
            }
            edges_[slot] = {key, uint32_t(values_.size())};
            values_.push_back(kNone);
        }
        node = edges_[slot].node;
    }
    values_[node] = value;
}

void PrefixTree::grow() {
    std::vector<Edge> old(edges_.size() * 2);
    old.swap(edges_);
    for (const Edge& edge : old) {
        if (edge.key != ~uint64_t(0)) edges_[slot_of(edge.key)] = edge;
    }
}

std::optional<PrefixTree::Match> PrefixTree::longest(std::string_view text) const {
    std::optional<Match> best;
    uint32_t node = kRoot;
    for (size_t i = 0; i < text.size(); ++i) {
        node = step(node, static_cast<unsigned char>(text[i]));
        if (node == kNone) break;
        if (values_[node] != kNone) best = Match{i + 1, values_[node]};
    }
    return best;
}

} // namespace weft::detail::text
