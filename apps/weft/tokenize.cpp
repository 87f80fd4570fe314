// SPDX-License-Identifier: Apache-2.0
// weft tokenize: text to token ids and back, without a device.
#include "files.hpp"
#include <charconv>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

namespace app {

weft::Result<std::vector<uint32_t>> parse_ids(const std::string& text, const std::string& what) {
    std::vector<uint32_t> ids;
    for (size_t at = 0; at < text.size();) {
        if (text[at] == ',' || std::isspace(uint8_t(text[at]))) {
            ++at;
            continue;
        }
        uint32_t id = 0;
        const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), id);
        if (error != std::errc())
            return weft::Error{weft::ErrorCode::invalid_argument,
                               what + " must be numbers separated by spaces or commas; '" + text.substr(at, 12) +
                                   "' is none",
                               {}};
        ids.push_back(id);
        at = size_t(end - text.data());
    }
    return ids;
}

namespace {

struct TokenizeFlags {
    std::string path, file;
    std::optional<std::string> text;
    bool decode = false, count = false, special = false, jsonl = false;
};

weft::Result<std::string> read_text(const TokenizeFlags& f) {
    if (!f.file.empty()) return read_file(f.file);
    if (f.text && *f.text != "-") return *f.text;
    return read_input();
}

// What becomes of one line of --jsonl.
weft::Result<nlohmann::ordered_json> tokenize_line(const weft::Tokenizer& tokenizer, const std::string& line) {
    const auto text = nlohmann::json::parse(line, nullptr, false);
    if (!text.is_string()) return weft::Error{weft::ErrorCode::invalid_argument, "a line must be one JSON string", {}};
    auto ids = tokenizer.encode(text.get_ref<const std::string&>(), false);
    if (!ids) return ids.error();
    auto special = tokenizer.encode(text.get_ref<const std::string&>(), true);
    if (!special) return special.error();
    return nlohmann::ordered_json{{"ids", *ids},
                                  {"ids_special", *special},
                                  {"decoded", tokenizer.decode(*special, false)},
                                  {"decoded_skip", tokenizer.decode(*special, true)}};
}

int run_lines(const weft::Tokenizer& tokenizer) {
    int code = kDone;
    std::string line;
    for (uint64_t number = 1; std::getline(std::cin, line) && !g_interrupted; ++number) {
        if (line.empty() || line == "\r") continue;
        auto result = tokenize_line(tokenizer, line);
        if (!result) { // the other lines go on: an object a line, whatever happens
            code = fail(
                weft::Error{result.error().code, "line " + std::to_string(number) + ": " + result.error().message, {}});
            result = nlohmann::ordered_json{{"error", result.error().message}};
        }
        std::cout << result->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    }
    std::cout << std::flush;
    return g_interrupted ? interrupted() : code;
}

int run(const TokenizeFlags& f) {
    if (f.text && !f.file.empty())
        return fail({weft::ErrorCode::invalid_argument, "give a text, or --file, not both", {}});
    const auto tokenizer = weft::Tokenizer::load(f.path);
    if (!tokenizer) return fail(tokenizer.error());
    if (f.jsonl) return run_lines(*tokenizer);
    const auto text = read_text(f);
    if (!text) return fail(text.error());
    if (f.decode) {
        const auto ids = parse_ids(*text, "--decode: the text");
        if (!ids) return fail(ids.error());
        const uint64_t size = tokenizer->vocab_size();
        for (const uint32_t id : *ids)
            if (id >= size)
                return fail(
                    {weft::ErrorCode::invalid_argument,
                     "--decode: " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(size),
                     {}});
        std::cout << tokenizer->decode(*ids, !f.special) << "\n";
        return kDone;
    }
    const auto ids = tokenizer->encode(*text, f.special);
    if (!ids) return fail(ids.error());
    if (f.count) {
        std::cout << ids->size();
    } else {
        const char* between = "";
        for (const uint32_t id : *ids) std::cout << std::exchange(between, " ") << id;
    }
    std::cout << "\n";
    return kDone;
}

} // namespace

Command add_tokenize(CLI::App& root) {
    auto f = std::make_shared<TokenizeFlags>();
    CLI::App* app = root.add_subcommand("tokenize", "Show the token ids of a text, or the text of ids");
    app->add_option("path", f->path, "Model directory, tokenizer file of any kind, or GGUF file")->required();
    auto* text = app->add_option("text", f->text,
                                 "The text (with --decode, the ids); - or nothing reads it from standard input");
    auto* file = app->add_option("--file", f->file, "Read the text from a file");
    auto* decode = app->add_flag("--decode", f->decode, "Ids to text");
    auto* count = app->add_flag("--count", f->count, "Print how many ids there are, not which")->excludes(decode);
    app->add_flag("--special", f->special, "With the special tokens around a text; with --decode, show special tokens");
    app->add_flag(
           "--jsonl", f->jsonl,
           "A JSON string a line on standard input; an object with ids and decoded text a line on standard output")
        ->excludes(decode)
        ->excludes(count)
        ->excludes(text)
        ->excludes(file);
    return {app, [f] { return run(*f); }};
}

} // namespace app
