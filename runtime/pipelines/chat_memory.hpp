// SPDX-License-Identifier: Apache-2.0
// L6: what a session's sequence has taken in of a conversation, as tokens and as text,
// and the places it can go back to.
#pragma once
#include "pipelines/shown_pictures.hpp"
#include "schedule/session.hpp"
#include <nlohmann/json.hpp>
#include <weft/tokenizer.hpp>

namespace weft::detail {

/// States that a conversation's session holds (SessionOptions::held): the first place to go back to, and the last ones,
/// of which a turn has two.
inline constexpr int kChatHolds = 4;

/// Works on slot 0.
class ChatMemory {
public:
    /// The tokens of a rendered conversation. As far as the text is the same as before they are the very
    /// tokens that were read and made then, which need not be those that the tokenizer would choose;
    /// the rest begins at a special token, where texts can be taken apart.
    Result<std::vector<uint32_t>> tokens_of(const ShownPictures& shown, const Tokenizer& tokenizer,
                                            std::string_view text) const;

    /// Makes the sequence a beginning of `tokens`, the longest that it can go back to, and shorter than all of them.
    /// What follows is to be fed; `text` is what all of them stand for.
    Status go_back(Session& session, std::vector<uint32_t> tokens, std::string text);
    /// Keeps the way back to where the sequence is now, if it has none.
    Status mark(Session& session, std::optional<size_t> text_length);
    /// The sequence has taken in tokens of its own.
    void add(std::span<const uint32_t> tokens, std::string_view text);
    /// A forward was left in its midst: states that cannot be cut are spoilt.
    void tear() { torn_ = true; }
    void clear();

    uint64_t snapshot_bytes() const;

    /// Text, tokens and places, without states, as far as they are of a conversation that renders as `said`:
    /// what was undone is not saved.
    /// `from_json` gives false if they do not belong together.
    nlohmann::ordered_json to_json(std::string_view said) const;
    bool from_json(const nlohmann::ordered_json& json, uint32_t vocabulary);

private:
    struct Mark {
        size_t tokens = 0;
        std::optional<size_t> text; ///< the length of the text that these tokens stand for, where it is known
        std::optional<Snapshot> snapshot;
    };
    std::string text_;
    std::vector<uint32_t> tokens_; ///< the sequence has a beginning of them
    std::vector<Mark> marks_;      ///< in the order of their tokens, which all differ
    bool torn_ = false;
};

} // namespace weft::detail
