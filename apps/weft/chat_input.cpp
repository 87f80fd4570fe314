// SPDX-License-Identifier: Apache-2.0
#include "chat_input.hpp"
#include "command.hpp"
#include <iostream>

namespace app {

bool ChatInput::line(const char* prompt, std::string& text) {
    if (prompts_) std::cerr << prompt << std::flush;
    if (g_interrupted || !std::getline(in_, text) || g_interrupted) return false;
    if (text.ends_with('\r')) text.pop_back();
    return true;
}

std::optional<std::string> ChatInput::next() {
    std::string message, text;
    if (!line("> ", text)) return std::nullopt;
    if (trimmed(text) == "\"\"\"") {
        for (bool first = true; line(". ", text) && trimmed(text) != "\"\"\""; first = false)
            message += (first ? "" : "\n") + text;
        return g_interrupted ? std::nullopt : std::optional(message);
    }
    while (text.ends_with('\\')) {
        message += text.substr(0, text.size() - 1) + "\n";
        if (!line(". ", text)) return g_interrupted ? std::nullopt : std::optional(message);
    }
    return message + text;
}

std::optional<ChatCommand> as_command(const std::string& text) {
    if (!text.starts_with('/') || text.starts_with("//")) return std::nullopt;
    const size_t space = std::min(text.find_first_of(" \n"), text.size());
    return ChatCommand{text.substr(1, space - 1), trimmed(text.substr(space))};
}

} // namespace app
