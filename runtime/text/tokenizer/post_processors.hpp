// SPDX-License-Identifier: Apache-2.0
// L5, stage 4: post-processors put special tokens around the sequences.
#pragma once
#include "base/result.hpp"
#include <cstdint>
#include <memory>
#include <vector>

namespace weft::detail::text {

struct PartReader;

/// Token ids, and which sequence each belongs to as the model wants to know it (BERT's token_type_ids).
struct Sequence {
    std::vector<uint32_t> ids, types;

    void append(uint32_t id, uint32_t type) {
        ids.push_back(id);
        types.push_back(type);
    }
    void append(const Sequence& other) {
        ids.insert(ids.end(), other.ids.begin(), other.ids.end());
        types.insert(types.end(), other.types.begin(), other.types.end());
    }
};

/// Immutable; shareable between threads.
class PostProcessor {
public:
    virtual ~PostProcessor() = default;
    /// One sequence, or a pair; gives any number of them, to be joined at the end.
    virtual Status apply(std::vector<Sequence>& sequences, bool add_special) const = 0;
};

/// What goes where: special tokens and texts, in order.
struct Template {
    struct Piece {
        int sequence = -1; ///< 0 or 1, or -1 for special tokens
        std::vector<uint32_t> ids;
        uint32_t type = 0;
    };
    std::vector<Piece> pieces;

    Template& add(std::vector<uint32_t> ids, uint32_t type) {
        if (!ids.empty()) pieces.push_back({-1, std::move(ids), type});
        return *this;
    }
    Template& add_text(int sequence, uint32_t type) {
        pieces.push_back({sequence, {}, type});
        return *this;
    }
};
std::unique_ptr<PostProcessor> make_template(Template single, Template pair);

Result<std::unique_ptr<PostProcessor>> read_post_processor(const PartReader& part);

} // namespace weft::detail::text
