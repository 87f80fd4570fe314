// SPDX-License-Identifier: Apache-2.0
// L6: an answer as it comes token by token, taken apart into what the model thinks and what it says.
#pragma once
#include "pipelines/stops.hpp"
#include <weft/chat.hpp>

namespace weft::detail {

bool is_blank(std::string_view text);

/// Decodes an answer as a text of its own, which a message is: it does not begin with the space that would follow the
/// prompt. Knows the marks that models put around their thoughts: <think>, [THINK], <|START_THINKING|>, and the
/// channels of gpt-oss.
class AnswerReader {
public:
    /// `opening`: the end of the prompt, behind the last message; some templates begin the thoughts there.
    AnswerReader(const Tokenizer& tokenizer, std::string_view opening, Stops stops);

    struct Piece {
        std::string text;
        bool thinking;
    };
    /// Takes a token; what became certain is appended to `out`.
    void push(uint32_t id, std::vector<Piece>& out);
    /// The answer has ended: what waited.
    void finish(std::vector<Piece>& out);

    /// The stop string that was met.
    const std::optional<std::string>& stop() const { return stops_.found(); }
    /// The answer so far, without marks.
    ChatMessage message() const;

private:
    void take(std::string_view text, std::vector<Piece>& out);
    void scan(std::vector<Piece>& out);
    void give(std::string_view text, std::vector<Piece>& out);

    const Tokenizer& tokenizer_;
    StreamDecoder decoder_;
    Stops stops_;
    text::PhraseScanner marks_;
    bool thinking_ = false, thought_ = false;
    std::string said_, thoughts_;
};

} // namespace weft::detail
