// SPDX-License-Identifier: Apache-2.0
#include "text/files/tokenizer_files.hpp"
#include "base/file.hpp"
#include "io/gguf.hpp"
#include "text/files/tokenizer_class.hpp"
#include "text/files/tokenizer_readers.hpp"
#include <algorithm>
#include <array>

namespace weft::detail::text {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

// A tokenizer.json with what the files beside it change, or the same for a vocab.json: an object of tokens and ids,
// with merges.txt beside it or not.
Result<Json> completed(Json root, const fs::path& path, const TokenizerSettings& settings) {
    const bool numbers = root.is_object() && !root.empty() && root.front().is_number();
    if (path.filename() == "tokenizer.json" || !numbers) {
        weft_TRY(apply_class_and_settings(root, settings));
        return root;
    }
    const fs::path merges = fs::path(path).replace_filename("merges.txt");
    std::optional<std::string> lines;
    if (is_file(merges)) {
        weft_ASSIGN(lines, read_file(merges));
    }
    weft_ASSIGN(Json json, vocab_json_as_json(root, path.string(), lines, merges.string(), settings));
    weft_TRY(apply_settings(json, settings));
    return json;
}

Result<TokenizerParts> load_json(const std::string& text, const fs::path& path, const TokenizerSettings& settings) {
    const std::string origin = path.string();
    weft_ASSIGN(Json root, parse_json(text, origin));
    if (root.is_object() && root.contains("config") && root.contains("vocab") && root["vocab"].is_array())
        return read_tekken(root, origin, settings);
    weft_ASSIGN(const Json json, completed(std::move(root), path, settings));
    return read_tokenizer_json(json, origin); // which says what is missing
}

// A line of a rank file: base64, a space, a number.
bool is_rank_line(std::string_view line) {
    const size_t space = line.find(' ');
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return space != line.npos && space > 0 && space % 4 == 0 && space + 1 < line.size() &&
           std::all_of(line.begin() + ptrdiff_t(space) + 1, line.end(), is_digit);
}

// A line of RWKV's file: a number, a literal of Python, a number.
bool is_world_line(std::string_view line) {
    const size_t first = line.find(' '), last = line.rfind(' ');
    if (first == line.npos || first == last || line[0] < '0' || line[0] > '9') return false;
    const std::string_view literal = line.substr(first + 1, last - first - 1);
    return literal.starts_with('\'') || literal.starts_with('"') || literal.starts_with("b'") ||
           literal.starts_with("b\"");
}

Result<TokenizerParts> load_file(const fs::path& path, const TokenizerSettings& settings) {
    const std::string origin = path.string(), name = path.filename().string();
    if (is_gguf(path)) {
        weft_ASSIGN(const GgufFile file, GgufFile::open(path));
        return read_gguf_vocabulary(file.metadata());
    }
    if (name == "merges.txt" && is_file(fs::path(path).replace_filename("vocab.json")))
        return load_file(fs::path(path).replace_filename("vocab.json"), settings);
    weft_ASSIGN(const std::string text, read_file(path));
    if (text.empty()) return Error{ErrorCode::malformed, origin + ": is empty", {}};
    if (has_extension(path, ".json")) return load_json(text, path, settings);
    std::string_view line = std::string_view(text).substr(0, text.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (has_extension(path, ".tiktoken") || is_rank_line(line)) return read_tiktoken(text, origin, name, settings);
    if (text[0] == '\n' || has_extension(path, ".model") || has_extension(path, ".spm"))
        return read_sentencepiece(text, origin, settings);
    if (is_world_line(line)) return read_rwkv_world(text, origin);
    weft_ASSIGN(const Json json, tokenizer_as_json(path, text, settings));
    return read_tokenizer_json(json, origin);
}

// The best first. merges.txt stands for vocab.json with it.
constexpr std::array kNames = {
    "tokenizer.json",      "tekken.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
    "sentencepiece.model", "merges.txt",  "vocab.txt",       "vocab.json",   "rwkv_vocab_v20230424.txt"};

Result<TokenizerParts> load_directory(const fs::path& directory) {
    weft_ASSIGN(const TokenizerSettings settings, TokenizerSettings::read(directory));
    for (const char* name : kNames) {
        if (is_file(directory / name)) return load_file(directory / name, settings);
    }
    std::vector<fs::path> ranks;
    std::error_code failed;
    for (fs::directory_iterator it(directory, failed), end; !failed && it != end; it.increment(failed)) {
        if (has_extension(it->path(), ".tiktoken")) ranks.push_back(it->path());
    }
    if (ranks.size() == 1) return load_file(ranks[0], settings);
    weft_ASSIGN(const auto nucleotides, nucleotides_as_json(settings));
    if (nucleotides) return read_tokenizer_json(*nucleotides, directory.string());
    std::string looked_for;
    for (const char* name : kNames) looked_for += std::string(name) + ", ";
    return Error{ErrorCode::not_found,
                 directory.string() + ": has no tokenizer; looked for " + looked_for + "a single *.tiktoken",
                 {}};
}

} // namespace

Result<TokenizerParts> load_tokenizer(const fs::path& path) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) return load_directory(path);
    if (!is_file(path)) return Error{ErrorCode::not_found, path.string() + ": is neither a file nor a directory", {}};
    // The files beside a lone tokenizer.json are another's, maybe; the other kinds need them.
    if (path.filename() == "tokenizer.json" || is_gguf(path)) return load_file(path, {});
    weft_ASSIGN(const TokenizerSettings settings, TokenizerSettings::read(path.parent_path()));
    return load_file(path, settings);
}

Result<Json> tokenizer_as_json(const fs::path& path, std::string_view text, const TokenizerSettings& settings) {
    if (!has_extension(path, ".json")) {
        weft_ASSIGN(Json json, vocab_txt_as_json(text, path.string(), settings));
        weft_TRY(apply_settings(json, settings));
        return json;
    }
    weft_ASSIGN(Json root, parse_json(text, path.string()));
    return completed(std::move(root), path, settings);
}

} // namespace weft::detail::text
