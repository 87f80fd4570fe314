// SPDX-License-Identifier: Apache-2.0
// Public: chat templates: from a conversation to the text that a model was trained on.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weft/error.hpp>
#include <weft/export.hpp>

namespace weft {

/// The variables that name a model's special tokens: {"bos_token", "<s>"}, ...
using SpecialTokens = std::vector<std::pair<std::string, std::string>>;

struct ChatRenderOptions {
    std::string now; ///< the time that the template is told, as "2026-01-15T12:34:56"; empty: the clock's
};

namespace detail {
struct Access;
struct ChatTemplateState;
} // namespace detail

/// A model's chat template, in Jinja as Hugging Face's transformers 5 renders it. It can read no file,
/// and its time, memory and output are bounded.
/// Immutable; copies are cheap and share one state; any number of threads may use it at once.
class weft_API ChatTemplate {
public:
    /// `path`: a model directory (chat_template.jinja, chat_template.json, more of them in chat_templates/ or
    /// additional_chat_templates/, or the chat_template of tokenizer_config.json), a tokenizer_config.json,
    /// a .jinja file, or a .gguf file with its own templates and tokens. `name` chooses among several;
    /// without one, "tool_use" serves conversations with tools and "default" all others.
    /// `tokens`: a JSON file whose *_token entries are the special tokens, or a model that has them;
    /// without it they come from tokenizer_config.json and special_tokens_map.json beside the template.
    /// Fails with not_found, saying so, if the model has no template.
    static Result<ChatTemplate> load(const std::filesystem::path& path, const std::string& name = {},
                                     const std::filesystem::path& tokens = {});
    /// From a template's text; `origin` (a file name) opens every message.
    static Result<ChatTemplate> parse(std::string_view source, SpecialTokens tokens, const std::string& origin);

    /// Renders a conversation: a JSON object with `messages`, and if wanted `tools`, `documents`,
    /// `add_generation_prompt` and `kwargs` (further variables). Other keys are ignored.
    /// Where the template itself refuses the conversation, the error's message is what it says;
    /// every other message names the file and the line.
    Result<std::string> render(std::string_view conversation, const ChatRenderOptions& options = {}) const;

    const SpecialTokens& tokens() const;
    /// The names to choose from; one template alone is "default".
    std::vector<std::string> names() const;

private:
    friend struct detail::Access;
    explicit ChatTemplate(std::shared_ptr<const detail::ChatTemplateState> state) : state_(std::move(state)) {}
    std::shared_ptr<const detail::ChatTemplateState> state_;
};

} // namespace weft
