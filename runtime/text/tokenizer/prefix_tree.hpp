// SPDX-License-Identifier: Apache-2.0
// L5: strings stored by their bytes, for finding those that begin at a place of a text.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace weft::detail::text {

/// A tree of bytes in one hash table: one probe a byte.
class PrefixTree {
public:
    static constexpr uint32_t kRoot = 0, kNone = ~0u;

    /// Of two equal strings the last counts. An empty one is not added.
    void add(std::string_view text, uint32_t value);
    bool empty() const { return values_.size() == 1; }

    /// The node that `byte` leads to, or kNone.
    uint32_t step(uint32_t node, unsigned char byte) const {
        const uint64_t key = uint64_t(node) << 8 | byte;
        const Edge& edge = edges_[slot_of(key)];
        return edge.key == key ? edge.node : kNone;
    }
    /// The value of the string that ends at `node`, or kNone.
    uint32_t value(uint32_t node) const { return values_[node]; }

    struct Match {
        size_t bytes;
        uint32_t value;
    };
    /// The longest string that `text` begins with.
    std::optional<Match> longest(std::string_view text) const;

private:
    struct Edge {
        uint64_t key = ~uint64_t(0);
        uint32_t node = 0;
    };
    size_t slot_of(uint64_t key) const {
        uint64_t hash = key * 0x9e3779b97f4a7c15u; // multiplies mix upwards: fold the top half down
        hash ^= hash >> 32;
        size_t slot = size_t(hash) & (edges_.size() - 1);
        while (edges_[slot].key != key && edges_[slot].key != ~uint64_t(0)) slot = (slot + 1) & (edges_.size() - 1);
        return slot;
    }
    void grow();

    std::vector<Edge> edges_ = std::vector<Edge>(16); // open addressing, at most half full
    std::vector<uint32_t> values_{kNone};             // one a node; every node but the root has one edge to it
};

} // namespace weft::detail::text
