// SPDX-License-Identifier: Apache-2.0
// Public: a conversation with a language model, in the model's own chat template.
#pragma once
#include <optional>
#include <weft/chat_template.hpp>
#include <weft/generate.hpp>

namespace weft {

struct ChatMessage {
    std::string role; ///< "user" or "assistant"
    std::string content;
    std::string reasoning;              ///< what the model thought before it answered
    std::vector<Picture> pictures = {}; ///< that were shown with it, before its text
};

struct ChatOptions {
    GenerateOptions generate; ///< the most tokens of one answer; Model::generate_options() has the model's own
    SequenceOptions sequence;
    std::string system; ///< the system prompt; empty: none
    /// Given to templates that can turn thinking on and off, as `enable_thinking` and `thinking`.
    std::optional<bool> thinking;
    std::string now; ///< see ChatRenderOptions
};

/// A piece of an answer, as soon as it is certain.
struct ChatPiece {
    std::string_view text;
    bool thinking = false; ///< part of the model's reasoning
};
/// Return false to stop the answer.
using ChatFunction = std::function<bool(const ChatPiece&)>;

struct ChatStats {
    uint32_t tokens = 0, context = 0; ///< what the conversation takes of the context
    uint64_t fed = 0, made = 0;       ///< tokens read and made since the beginning
    uint32_t kept = 0;                ///< of the last prompt's tokens, how many were in the state already
    uint64_t snapshot_bytes = 0;      ///< on the device, for going back
    GenerateStats last;               ///< of the last answer
};

namespace detail {
class ChatState;
}

/// A conversation, with a sequence of its own: several over one model do not disturb each other. The whole of it is
/// rendered anew for every question; what the states have taken in already is not read again: only what follows the
/// longest common beginning is fed. Where a template rewrites the past (most drop the thoughts of earlier answers) or a
/// turn is undone, the states go back to the nearest place that they can.
///
/// An answer ends where the model's files say that texts end, at the special token with which the template closes an
/// answer, and at special tokens whose names say that a turn ends (as <|im_end|>), whether a file lists them or not.
///
/// Move-only; one thread at a time; keeps its model.
class weft_API Chat {
public:
    /// Fails with not_found if the model has no tokenizer, with unsupported if it does not continue texts.
    static Result<Chat> create(const Model& model, ChatTemplate chat_template, ChatOptions options = {});
    Chat(Chat&&) noexcept;
    Chat& operator=(Chat&&) noexcept;
    ~Chat();

    /// Asks and answers. A conversation that the template refuses or that does not fit the context is an error,
    /// and stays as it was. A stopped answer counts as far as it was said.
    /// The question's pictures stand before its text, as the template has them.
    Result<GenerateStats> ask(const Prompt& question, const ChatFunction& on_piece);

    /// The same piece by piece, for who has a frame to draw: begin() once, then advance() until it gives true.
    /// Pictures are seen on the way, each without a pause.
    Status begin(const Prompt& question);
    /// Works for about `budget_ms`, at least for one submission. True when the answer is complete;
    /// its stats are in stats().last.
    Result<bool> advance(double budget_ms, const ChatFunction& on_piece);

    /// Forgets the last question and its answer; false if there is none. This and all that follows
    /// is for when no answer is under way.
    bool undo();
    /// Forgets the conversation; the system prompt stays.
    void reset();
    void set_system(std::string text);
    const std::string& system() const;
    const std::vector<ChatMessage>& messages() const;
    ChatStats stats() const;

    /// The conversation as JSON: {"weft_chat": 1, "system", "messages": [{"role", "content", "reasoning_content",
    /// "pictures"}], "state"}. `pictures` are PNG files in base64, with their names. `state` has the exact tokens, so
    /// that a loaded conversation goes on as it would have; it may be left out, and is where pictures were shown.
    Result<std::string> save() const;
    /// Takes over a saved conversation; `origin` (a file name) opens every message.
    /// The conversation stays as it was on an error.
    Status load(std::string_view json, const std::string& origin);

private:
    friend struct detail::Access;
    explicit Chat(std::unique_ptr<detail::ChatState> state);
    std::unique_ptr<detail::ChatState> state_;
};

} // namespace weft
