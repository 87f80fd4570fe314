// SPDX-License-Identifier: Apache-2.0
// What a person types in a conversation: messages of one or several lines, and commands.
#pragma once
#include <istream>
#include <optional>
#include <string>

namespace app {

/// Reads messages. A line that ends in a backslash goes on in the next; between two lines of
/// three quotation marks everything is one message.
class ChatInput {
public:
    ChatInput(std::istream& in, bool prompts) : in_(in), prompts_(prompts) {}
    /// The next message or command; nothing at the end of the input, or when Ctrl-C was pressed.
    std::optional<std::string> next();

private:
    bool line(const char* prompt, std::string& text);
    std::istream& in_;
    bool prompts_;
};

/// "/save notes.json" -> "save" and "notes.json". Nothing if it is no command; "//" at the
/// beginning stands for one slash of a message.
struct ChatCommand {
    std::string name, argument;
};
std::optional<ChatCommand> as_command(const std::string& text);

} // namespace app
