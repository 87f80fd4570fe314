// SPDX-License-Identifier: Apache-2.0
// L6: what a Chat holds.
#pragma once
#include "pipelines/chat_answer.hpp"
#include "pipelines/chat_memory.hpp"
#include "pipelines/continuation.hpp"
#include "pipelines/model_state.hpp"
#include "pipelines/shown_pictures.hpp"

namespace weft::detail {

class ChatState {
public:
    ChatState(const Model& model, ChatTemplate chat_template, ChatOptions options)
        : model_(model), state_(Access::state(model_)), template_(std::move(chat_template)),
          options_(std::move(options)), shown_(state_), ends_(end_tokens()) {}

    /// Before all that follows.
    Status make_sequence();

    Status begin(const Prompt& question);
    Result<bool> advance(double budget_ms, const ChatFunction& on_piece);
    bool undo();
    void reset();
    Result<std::string> save() const;
    Status load(std::string_view json, const std::string& origin);
    ChatStats stats() const;

    /// The tokens that end an answer: those of the model's files, the one with which the template closes an answer, and
    /// those whose names say it.
    const std::vector<uint32_t>& ends() const { return ends_; }
    const std::vector<ChatMessage>& messages() const { return messages_; }
    std::string& system() { return options_.system; }

private:
    // A place in a prompt to go back to later.
    struct Stop {
        size_t tokens = 0;
        std::optional<size_t> text; // the length of the text of those, where it is known
    };
    // The answer under way.
    struct Turn {
        std::vector<uint32_t> tokens, fed; // the prompt: with numbers for what was shown, and as it is fed
        struct Piece {
            const Picture* picture;
            uint32_t piece;
        };
        std::vector<Piece> pictures;     // a picture is one, or several
        std::vector<size_t> pictures_at; // where their tokens begin
        const Picture* last = nullptr;   // that was seen
        SeenPicture seen;                // it
        std::vector<Stop> stops;         // where feeding it pauses, in their order
        double stops_ms = 0;
        std::optional<Continuation> continuation;
        AnswerReader reader;
        bool stopped = false;
    };

    Result<std::string> render(std::span<const ChatMessage> said, bool answer) const;
    std::vector<uint32_t> end_tokens() const;
    Result<std::vector<uint32_t>> tokens_of(std::string_view text) const;
    Status see(size_t first, size_t end);
    std::optional<uint32_t> closing_token() const;
    Status add_stop(std::string_view prompt, const Result<std::string>& beginning);
    Result<bool> step(double budget_ms, const ChatFunction& on_piece);
    Status feed();
    Status begin_answer();
    void give(std::span<const AnswerReader::Piece> pieces, const ChatFunction& on_piece);
    Status finish(const ChatFunction& on_piece);
    void drop_turn();
    std::string own_text() const;
    std::string model_name() const;

    Model model_; // before the session: it keeps the device that the session's memory is on
    const ModelState& state_;
    std::unique_ptr<Session> session_;
    ChatTemplate template_;
    ChatOptions options_;
    mutable ShownPictures shown_; // numbers are given when they are first asked for
    std::vector<uint32_t> ends_;
    std::vector<ChatMessage> messages_;
    ChatMemory memory_;
    std::optional<Turn> turn_;
    ChatStats stats_;
};

} // namespace weft::detail
