// SPDX-License-Identifier: Apache-2.0
// weft template: conversations as the text that a model was trained on.
#include "files.hpp"
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

namespace app {
namespace {

struct TemplateFlags {
    std::string path, name, tokens, now;
    bool jsonl = false;
};

// Writes {"text": ..} or {"error": ..}.
bool render(const weft::ChatTemplate& chat, const std::string& conversation, const TemplateFlags& f) {
    const auto text = chat.render(conversation, {f.now});
    nlohmann::ordered_json row;
    if (text) row["text"] = *text;
    else row["error"] = text.error().message;
    std::cout << row.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
    return bool(text);
}

int run(const TemplateFlags& f) {
    const auto chat = weft::ChatTemplate::load(f.path, f.name, f.tokens);
    if (!chat) return fail(chat.error());
    if (!f.jsonl) {
        const auto conversation = read_input();
        if (!conversation) return fail(conversation.error());
        return render(*chat, *conversation, f) ? kDone : kFailed;
    }
    for (std::string line; std::getline(std::cin, line) && !g_interrupted;) {
        if (line.find_first_not_of(" \t\r") == line.npos) continue;
        render(*chat, line, f);
        std::cout.flush();
    }
    return g_interrupted ? interrupted() : kDone;
}

} // namespace

Command add_template(CLI::App& root) {
    auto f = std::make_shared<TemplateFlags>();
    CLI::App* app = root.add_subcommand("template", "Render a conversation from standard input (JSON: messages, tools, "
                                                    "documents, add_generation_prompt, kwargs) with a chat template");
    app->add_option("path", f->path, "Model directory, .gguf file, or a .jinja file")->required();
    app->add_flag("--jsonl", f->jsonl, "One conversation a line, and one answer a line");
    app->add_option("--name", f->name,
                    "Which of a model's templates (default: tool_use for conversations with tools where there is one, "
                    "else default)");
    app->add_option("--tokens", f->tokens, "JSON file with the special tokens (bos_token, eos_token, ...)")
        ->check(CLI::ExistingFile);
    app->add_option("--now", f->now,
                    "The time that the template is told, as 2026-01-15T12:34:56 (default: the clock's)");
    return {app, [f] { return run(*f); }};
}

} // namespace app
