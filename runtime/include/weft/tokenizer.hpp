// SPDX-License-Identifier: Apache-2.0
// Public: the tokenizer of a model: text to token ids and back, as Hugging Face's tokenizers 0.23
// does it, read from any kind of tokenizer file.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weft/error.hpp>
#include <weft/export.hpp>

namespace weft {

namespace detail::text {
struct TokenizerParts;
class DecodeStage;
} // namespace detail::text
namespace detail {
struct Access;
}

/// Immutable after it is made; copies are cheap and share one state; any number of threads may use it at once.
/// Truncation, padding and dropout in a file are ignored: they are for training.
class weft_API Tokenizer {
public:
    /// Reads a tokenizer file of any kind, the vocabulary of a GGUF file, or the best of a directory's tokenizer files;
    /// of a directory also what the files beside that one say, as transformers' AutoTokenizer does.
    /// Fails with `unsupported`, naming the part and its type, if the file needs a part that weft lacks, and with
    /// `not_found`, naming what was looked for, if there is none.
    static Result<Tokenizer> load(const std::filesystem::path& path);
    /// A tokenizer.json in memory; `origin` (a file name) opens every message.
    static Result<Tokenizer> parse(std::string_view json, const std::string& origin);

    /// The ids of `text`; with `add_special`, and what the post-processor puts around it (as <s>).
    /// Added tokens in the text are found either way. Fails on invalid UTF-8, naming the byte offset, and where
    /// a pattern of the file gives up on the text.
    Result<std::vector<uint32_t>> encode(std::string_view text, bool add_special) const;

    struct Encoding {
        std::vector<uint32_t> ids;
        /// 0 or 1 for the sequence that each id belongs to, or what the post-processor says.
        std::vector<uint32_t> types;
    };
    /// A pair of texts, as BERT-like models take question and passage.
    Result<Encoding> encode_pair(std::string_view first, std::string_view second, bool add_special) const;

    /// The text of `ids`; with `skip_special`, without special tokens. Ids without a token are passed over.
    std::string decode(std::span<const uint32_t> ids, bool skip_special) const;

    /// One more than the highest id. Not every id below need have a token.
    uint32_t vocab_size() const;
    std::optional<uint32_t> id_of(std::string_view token) const;
    /// The token as the vocabulary spells it (in a byte-level model, a space is \u0120), or "" if there is none.
    std::string token(uint32_t id) const;
    bool is_special(uint32_t id) const;

    /// What the text is after the normalizer and after the pre-tokenizer, for tests and for looking at a tokenizer.
    struct Trace {
        struct Piece {
            std::string text;
            std::optional<uint32_t> token; ///< set for an added token
        };
        std::vector<Piece> normalized; ///< added tokens and the stretches between them
        std::vector<Piece> pieces;     ///< added tokens and what the model sees
    };
    Result<Trace> trace(std::string_view text) const;

private:
    friend struct detail::Access;
    explicit Tokenizer(std::shared_ptr<const detail::text::TokenizerParts> state) : state_(std::move(state)) {}
    std::shared_ptr<const detail::text::TokenizerParts> state_;
};

/// Decodes token by token what follows a prompt: what push() and flush() return, joined, is decode(prompt + ids)
/// without decode(prompt), byte for byte. So the first word keeps the space that a text's own first word is decoded
/// without. Where decode(prompt) is no beginning of decode(prompt + ids), since the new tokens change what the prompt's
/// last ones mean, the longest beginning that both share, in whole characters, is left out: a character that the prompt
/// begins and the ids end is a part of what they say, whole, and its U+FFFD in decode(prompt) stands for nothing. Never
/// splits a UTF-8 character. What depends on tokens to come waits for them. The prompt is decoded once; after that an
/// id costs the same however long the text is. One thread at a time.
class weft_API StreamDecoder {
public:
    /// `prompt`: the ids before the first push(); none for a text of its own.
    StreamDecoder(const Tokenizer& tokenizer, bool skip_special, std::span<const uint32_t> prompt = {});
    ~StreamDecoder();
    StreamDecoder(StreamDecoder&&) noexcept;
    StreamDecoder& operator=(StreamDecoder&&) noexcept;

    /// Takes one id; returns the text that is certain now.
    std::string push(uint32_t id);
    /// Ends the text and returns what waited. The next push() begins a new text, without a prompt.
    std::string flush();

private:
    class Sink;
    void begin();
    void feed(uint32_t id);
    std::string take_new();
    std::shared_ptr<const detail::text::TokenizerParts> parts_;
    bool skip_special_;
    std::unique_ptr<Sink> sink_;
    std::unique_ptr<detail::text::DecodeStage> stage_;
    std::string known_; // of decode(prompt), what is not certain yet
};

} // namespace weft
