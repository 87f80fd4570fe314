// SPDX-License-Identifier: Apache-2.0
// L6: what a Chat holds.
#pragma once
#include "pipelines/chat_answer.hpp"
#include "pipelines/chat_memory.hpp"
#include "pipelines/continuation.hpp"
#include "pipelines/model_state.hpp"

namespace weft::detail {

class ChatState {
public:
    ChatState(const Model& model, ChatTemplate chat_template, ChatOptions options)
        : model_(model), state_(Access::state(model_)), template_(std::move(chat_template)),
          options_(std::move(options)), ends_(end_tokens()) {}

    /// Before all that follows.
    Status make_sequence();

    Status begin(std::string_view text);
    Result<bool> advance(double budget_ms, const ChatFunction& on_piece);
    bool undo();
    void reset();
    std::string save() const;
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
        std::vector<uint32_t> tokens; // the prompt
        std::vector<Stop> stops;      // where feeding it pauses, in their order
        double stops_ms = 0;
        std::optional<Continuation> continuation;
        AnswerReader reader;
        bool stopped = false;
    };

    Result<std::string> render(std::span<const ChatMessage> said, bool answer) const;
    std::vector<uint32_t> end_tokens() const;
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
    std::vector<uint32_t> ends_;
    std::vector<ChatMessage> messages_;
    ChatMemory memory_;
    std::optional<Turn> turn_;
    ChatStats stats_;
};

} // namespace weft::detail
