// SPDX-License-Identifier: Apache-2.0
// weft chat: a conversation in the terminal.
#include "chat_input.hpp"
#include "console.hpp"
#include "files.hpp"
#include "numbers.hpp"
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <utility>

namespace app {
namespace {

constexpr const char* kHelp = "/reset          forget the conversation\n"
                              "/undo           forget the last question and its answer\n"
                              "/system TEXT    another system prompt; without TEXT none\n"
                              "/image FILE     show a picture with the next question\n"
                              "/save FILE      write the conversation to a file\n"
                              "/load FILE      go on with a conversation from a file\n"
                              "/stats          what the last answer took\n"
                              "/quit           end (so does Ctrl-D)\n"
                              "A line that ends in \\ goes on in the next; lines between two lines of \"\"\" are one "
                              "message. A message that begins with / is written with //.\n"
                              "Ctrl-C stops an answer; at the prompt it ends the conversation.\n";

struct ChatFlags {
    std::string model, mmproj, system, template_file, name, load, now;
    uint32_t context = 0;
    bool stats = false;
    std::optional<bool> thinking;
    SamplingFlags sampling;
    weft::WeightType dtype = weft::WeightType::stored;
    weft::CacheType cache = weft::CacheType::beside_weights;
    DeviceFlags device;
};

void print_stats(const weft::Chat& chat) {
    const weft::ChatStats s = chat.stats();
    const auto rate = [](uint32_t tokens, double ms) { return ms > 0 ? tokens / ms * 1000 : 0; };
    std::fprintf(stderr,
                 "last answer: %u tokens kept, %u read at %.1f/s, %u made at %.1f/s; conversation: %u of %u tokens, "
                 "%llu read and %llu made in all, %.1f MiB to go back\n",
                 s.kept, s.last.prompt_tokens, rate(s.last.prompt_tokens, s.last.prefill_ms), s.last.new_tokens,
                 rate(s.last.new_tokens ? s.last.new_tokens - 1 : 0, s.last.decode_ms), s.tokens, s.context,
                 static_cast<unsigned long long>(s.fed), static_cast<unsigned long long>(s.made),
                 double(s.snapshot_bytes) / 1048576);
}

void tell(const std::string& text) { std::cerr << text << "\n"; }

weft::Status load(weft::Chat& chat, const std::string& path) {
    const auto text = read_file(path);
    if (!text) return text.error();
    return chat.load(*text, path);
}

class Conversation {
public:
    Conversation(weft::Chat& chat, const ChatFlags& flags, bool sees)
        : chat_(chat), flags_(flags), sees_(sees), terminal_(is_terminal(Stream::out)) {}

    int run() {
        const bool typed = is_terminal(Stream::in);
        if (typed) tell("/help lists what else there is besides asking.");
        ChatInput input(std::cin, typed);
        int code = kDone;
        while (const auto text = input.next()) {
            if (text->find_first_not_of(" \t\n") == text->npos) continue;
            const auto command = as_command(*text);
            if (command && (command->name == "quit" || command->name == "exit")) return code;
            const weft::Status status =
                command ? obey(*command) : answer(text->starts_with("//") ? text->substr(1) : *text);
            if (!status) code = fail(status.error());
            if (!status && status.error().code == weft::ErrorCode::device_lost) return code;
            if (!std::cout.good()) return kFailed;
            if (typed) code = kDone; // they have read it
        }
        if (typed) tell("");
        return g_interrupted ? interrupted() : code;
    }

private:
    weft::Status answer(const std::string& text) {
        bool thinking = false;
        const std::vector<weft::Picture> pictures = std::exchange(pictures_, {});
        const auto stats = chat_.ask({text, pictures}, [&](const weft::ChatPiece& piece) {
            end_progress();
            if (piece.thinking != thinking) divide(thinking = piece.thinking);
            std::cout << piece.text << std::flush;
            return !g_interrupted && std::cout.good();
        });
        end_progress();
        if (thinking) divide(false);
        const bool stopped = g_interrupted == SIGINT;
        if (stopped) g_interrupted = 0; // it was meant for the answer
        if (!stats && stopped && stats.error().code == weft::ErrorCode::cancelled) {
            tell("stopped before the question was read; it counts as not asked");
            return weft::Ok{};
        }
        if (!stats) return stats.error();
        std::cout << "\n" << std::flush;
        if (flags_.stats) print_stats(chat_);
        return weft::Ok{};
    }

    // Thoughts are dim on a terminal and between tags elsewhere.
    void divide(bool thinking) {
        if (terminal_) std::cout << (thinking ? "\033[2m" : "\033[0m\n");
        else std::cout << (thinking ? "<think>" : "</think>");
    }

    weft::Status obey(const ChatCommand& c) {
        const auto wants_file = [&] {
            return weft::Error{weft::ErrorCode::invalid_argument, "/" + c.name + " wants the name of a file", {}};
        };
        if (c.name == "help") {
            std::cerr << kHelp;
        } else if (c.name == "reset") {
            chat_.reset();
            pictures_.clear();
        } else if (c.name == "undo") {
            if (!chat_.undo()) return weft::Error{weft::ErrorCode::invalid_argument, "there is nothing to undo", {}};
        } else if (c.name == "system") {
            chat_.set_system(c.argument);
        } else if (c.name == "stats") {
            print_stats(chat_);
        } else if (c.name == "image") {
            return c.argument.empty() ? wants_file() : show(c.argument);
        } else if (c.name == "save") {
            if (c.argument.empty()) return wants_file();
            const auto text = chat_.save();
            return text ? write_file(c.argument, *text) : text.error();
        } else if (c.name == "load") {
            return c.argument.empty() ? wants_file() : load(chat_, c.argument);
        } else {
            return weft::Error{
                weft::ErrorCode::invalid_argument, "there is no command '/" + c.name + "'; /help lists them", {}};
        }
        return weft::Ok{};
    }

    weft::Status show(const std::string& path) {
        if (!sees_) return weft::Error{weft::ErrorCode::unsupported, "this model sees no pictures", {}};
        auto picture = weft::Picture::load(path);
        if (!picture) return picture.error();
        pictures_.push_back(std::move(*picture));
        return weft::Ok{};
    }

    weft::Chat& chat_;
    const ChatFlags& flags_;
    bool sees_;
    std::vector<weft::Picture> pictures_; // for the next question
    bool terminal_;
};

int run(const ChatFlags& f) {
    auto chat_template = weft::ChatTemplate::load(f.template_file.empty() ? f.model : f.template_file, f.name,
                                                  f.template_file.empty() ? "" : f.model);
    if (!chat_template) {
        auto error = chat_template.error();
        std::error_code ignored;
        if (error.code == weft::ErrorCode::not_found && f.template_file.empty() &&
            std::filesystem::exists(f.model, ignored))
            error.reasons.push_back("a model without one continues texts: `weft run " + f.model +
                                    " \"Once upon a time\"`; --template FILE gives it one");
        return fail(error);
    }
    auto device = f.device.open();
    if (!device) return fail(device.error());
    weft::ModelOptions load_options;
    load_options.dtype = f.dtype;
    load_options.progress = progress_bar();
    load_options.pictures = f.mmproj.empty() ? weft::Pictures::if_seen : weft::Pictures::required;
    load_options.mmproj = f.mmproj;
    const auto model = weft::Model::load(*device, f.model, load_options);
    if (!model) return fail(model.error());
    end_progress();
    print_warnings(model->warnings());

    weft::ChatOptions o;
    o.generate = model->generate_options();
    o.generate.max_tokens = kMostTokens; // an answer is as long as it is
    o.generate.max_length = 0;
    f.sampling.apply(o.generate);
    o.generate.progress = progress_bar();
    o.sequence = {.context = f.context, .cache = f.cache};
    o.system = f.system;
    o.thinking = f.thinking;
    o.now = f.now;
    auto chat = weft::Chat::create(*model, std::move(*chat_template), std::move(o));
    if (!chat) return fail(chat.error());
    if (!f.load.empty())
        if (const auto status = load(*chat, f.load); !status) return fail(status.error());
    const int code = Conversation(*chat, f, model->sees()).run();
    for (const auto& message : device->validation_messages()) std::cerr << "validation: " << message << "\n";
    return code;
}

} // namespace

Command add_chat(CLI::App& root) {
    auto f = std::make_shared<ChatFlags>();
    CLI::App* app = root.add_subcommand("chat", "Talk to a model; /help lists the commands of a conversation");
    app->add_option("model", f->model, "Model directory or .gguf file")->required();
    app->add_option("--mmproj", f->mmproj, kMmproj);
    app->add_option("--system", f->system, "The system prompt");
    app->add_option("--thinking", f->thinking,
                    "Whether the model thinks before it answers, where its template can say so")
        ->transform(CLI::CheckedTransformer(std::map<std::string, bool>{{"on", true}, {"off", false}}));
    app->add_option("--template", f->template_file, "A chat template in place of the model's own (.jinja)")
        ->check(CLI::ExistingFile);
    app->add_option("--name", f->name, "Which of a model's templates");
    app->add_option("--load", f->load, "Go on with a saved conversation");
    app->add_option("--now", f->now,
                    "The time that the template is told, as 2026-01-15T12:34:56 (default: the clock's)");
    add_number<uint32_t>(*app, "--context", f->context,
                         "Tokens the conversation may have; 0: the model's, at most 4096", 0, kMostTokens);
    app->add_flag("--stats", f->stats, "One line of statistics on standard error after every answer");
    f->sampling.add(*app);
    add_dtype(*app, f->dtype);
    add_kv(*app, f->cache);
    f->device.add(*app);
    return {app, [f] { return run(*f); }};
}

} // namespace app
