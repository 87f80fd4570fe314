// SPDX-License-Identifier: Apache-2.0
// L5: what is behind a ChatTemplate, and a way to make one with limits of one's own.
#pragma once
#include "io/gguf_metadata.hpp"
#include "jinja/tree.hpp"
#include <map>
#include <weft/chat_template.hpp>

namespace weft::detail {

struct ChatTemplateState {
    struct Named {
        std::string origin;
        std::optional<jinja::Template> tree;
        Error error; ///< why there is no tree; it matters only to who uses this one
    };
    std::map<std::string, Named> templates;
    std::string origin, chosen; ///< chosen: the only name to use, or empty
    SpecialTokens tokens;
    jinja::Limits limits;

    void add(const std::string& name, std::string_view source, const std::string& from);
    /// The one to use; fails if none fits or if it could not be parsed.
    Result<const Named*> choose(bool has_tools) const;
};

/// What a GGUF file's metadata holds: tokenizer.chat_template, and tokenizer.chat_template.NAME for further ones;
/// the tokens that its ids name.
Status add_gguf_templates(ChatTemplateState& state, const GgufMetadata& metadata);
Status add_gguf_tokens(SpecialTokens& tokens, const GgufMetadata& metadata);

/// Renders with the state's own limits.
Result<std::string> render_chat(const ChatTemplateState& state, std::string_view conversation,
                                const ChatRenderOptions& options);

} // namespace weft::detail
