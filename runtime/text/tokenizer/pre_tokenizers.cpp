// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/pre_tokenizers.hpp"
#include "text/regex/split_patterns.hpp"
#include "text/tokenizer/metaspace.hpp"
#include "text/tokenizer/normalizers.hpp"
#include "text/tokenizer/part.hpp"
#include "unicode/unicode.hpp"

namespace weft::detail::text {
namespace {

using Made = Result<std::unique_ptr<PreTokenizer>>;

// Reads the key `behavior` of `part`; `otherwise` if it is absent and a default exists.
Result<SplitBehavior> read_behavior(const JsonObject& part, std::optional<SplitBehavior> otherwise) {
    if (!part.has("behavior") && otherwise) return *otherwise;
    weft_ASSIGN(const std::string name, part.string("behavior"));
    if (name == "Removed") return SplitBehavior::removed;
    if (name == "Isolated") return SplitBehavior::isolated;
    if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
    if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
    if (name == "Contiguous") return SplitBehavior::contiguous;
    return part.bad("behavior", "must be Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

// Cuts out every character for which `match` holds.
template <class Match>
Result<std::vector<Cut>> cut_characters(std::string_view text, Match match) {
    std::vector<Cut> cuts;
    size_t done = 0;
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        if (match(c.value)) {
            if (done < at) cuts.push_back({done, at, false});
            done = at + c.bytes;
            cuts.push_back({at, done, true});
        }
        at += c.bytes;
    }
    if (done < text.size()) cuts.push_back({done, text.size(), false});
    return cuts;
}

void invert(std::vector<Cut>& cuts) {
    for (Cut& c : cuts) c.match = !c.match;
}

Status to_byte_alphabet(Pieces& pieces, size_t limit) {
    const ByteAlphabet& alphabet = ByteAlphabet::get();
    std::string text;
    text.reserve(pieces.text.size() + pieces.text.size() / 4);
    for (Pieces::Piece& piece : pieces.all) {
        const size_t begin = text.size();
        const std::string_view old = pieces.view(piece);
        size_t head = 0;
        if (piece.token) {
            text += old;
        } else {
            if (piece.head > 0) alphabet.encode(old.substr(0, piece.head), text);
            head = text.size() - begin;
            alphabet.encode(old.substr(piece.head), text);
        }
        piece.begin = begin;
        piece.end = text.size();
        piece.head = head;
    }
    pieces.text = std::move(text);
    return NormalText::check_size(pieces.text.size(), limit);
}

class ByteLevel final : public PreTokenizer {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<ByteLevel>();
        weft_ASSIGN(made->add_prefix_space_, part.boolean_or("add_prefix_space", true));
        weft_ASSIGN(const bool use_regex, part.boolean_or("use_regex", true));
        if (use_regex) {
            weft_ASSIGN(made->words_, Regex::compile(kGpt2Split, part.origin()));
        }
        return std::unique_ptr<PreTokenizer>(std::move(made));
    }
    Status apply(Pieces& pieces, size_t limit) const override {
        if (add_prefix_space_) {
            weft_TRY(pieces.rewrite(limit, [](NormalText& text) -> Status {
                if (text.text.front() != ' ') prepend(text, " ");
                return Ok{};
            }));
        }
        if (words_) { // what lies between two words is a piece of its own
            weft_TRY(pieces.split(SplitBehavior::isolated, [&](std::string_view text) -> Result<std::vector<Cut>> {
                weft_ASSIGN(const std::vector<Regex::Span> spans, words_->find_all(text));
                std::vector<Cut> cuts;
                cuts.reserve(spans.size());
                size_t done = 0;
                for (const auto& span : spans) {
                    if (done != span.begin) cuts.push_back({done, span.begin, false});
                    cuts.push_back({span.begin, span.end, true});
                    done = span.end;
                }
                if (done != text.size()) cuts.push_back({done, text.size(), false});
                return cuts;
            }));
        }
        return to_byte_alphabet(pieces, limit);
    }

private:
    bool add_prefix_space_ = true;
    std::optional<Regex> words_;
};

class MetaspaceSplit final : public PreTokenizer {
public:
    explicit MetaspaceSplit(Metaspace config) : config_(std::move(config)) {}
    static Made read(const PartReader& part) {
        weft_ASSIGN(Metaspace config, Metaspace::read(part));
        return std::unique_ptr<PreTokenizer>(new MetaspaceSplit(std::move(config)));
    }
    Status apply(Pieces& pieces, size_t limit) const override {
        const std::string& mark = config_.replacement;
        const auto mark_spaces = [&](NormalText& text) -> Status {
            const bool first = text.head > 0;
            weft_ASSIGN(const std::vector<Cut> spaces, cut_characters(text.text, [](char32_t c) { return c == ' '; }));
            weft_TRY(replace(text, spaces, mark));
            const bool wanted = config_.scheme == Metaspace::always || (config_.scheme == Metaspace::first && first);
            if (wanted && !text.text.starts_with(mark)) prepend(text, mark);
            return Ok{};
        };
        weft_TRY(pieces.rewrite(limit, mark_spaces));
        if (!config_.split) return Ok{};
        const char32_t c = code_point_at(mark, 0).value;
        const auto is_mark = [&](char32_t x) { return x == c; };
        return pieces.split(SplitBehavior::merged_with_next,
                            [&](std::string_view text) { return cut_characters(text, is_mark); });
    }

private:
    Metaspace config_;
};

class Split final : public PreTokenizer {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<Split>();
        weft_ASSIGN(made->pattern_, Pattern::read(part));
        weft_ASSIGN(made->behavior_, read_behavior(part, std::nullopt));
        weft_ASSIGN(made->invert_, part.boolean_or("invert", false));
        return std::unique_ptr<PreTokenizer>(std::move(made));
    }
    Status apply(Pieces& pieces, size_t) const override {
        return pieces.split(behavior_, [&](std::string_view text) -> Result<std::vector<Cut>> {
            weft_ASSIGN(std::vector<Cut> cuts, pattern_.cut(text));
            if (invert_) invert(cuts);
            return cuts;
        });
    }

private:
    Pattern pattern_;
    SplitBehavior behavior_ = SplitBehavior::isolated;
    bool invert_ = false;
};

// Every pre-tokenizer that cuts at single characters of a class.
template <bool (*match)(char32_t)>
class AtCharacters final : public PreTokenizer {
public:
    explicit AtCharacters(SplitBehavior behavior) : behavior_(behavior) {}
    Status apply(Pieces& pieces, size_t) const override {
        return pieces.split(behavior_, [](std::string_view text) { return cut_characters(text, match); });
    }

private:
    SplitBehavior behavior_;
};

Made read_digits(const PartReader& part) {
    weft_ASSIGN(const bool individual, part.boolean_or("individual_digits", false));
    return std::unique_ptr<PreTokenizer>(
        new AtCharacters<is_numeric>(individual ? SplitBehavior::isolated : SplitBehavior::contiguous));
}

Made read_punctuation(const PartReader& part) {
    weft_ASSIGN(const SplitBehavior behavior, read_behavior(part, SplitBehavior::isolated));
    return std::unique_ptr<PreTokenizer>(new AtCharacters<is_punctuation>(behavior));
}

Made read_whitespace_split(const PartReader&) {
    return std::unique_ptr<PreTokenizer>(new AtCharacters<is_white_space>(SplitBehavior::removed));
}

// \w+|[^\w\s]+
class Whitespace final : public PreTokenizer {
public:
    Status apply(Pieces& pieces, size_t) const override {
        return pieces.split(SplitBehavior::removed, [](std::string_view text) -> Result<std::vector<Cut>> {
            std::vector<Cut> cuts;
            int previous = -1;
            for (size_t at = 0; at < text.size();) {
                const CodePoint c = code_point_at(text, at);
                const int kind = is_white_space(c.value) ? 0 : is_word(c.value) ? 1 : 2;
                if (kind == previous) cuts.back().end += c.bytes;
                else cuts.push_back({at, at + c.bytes, kind == 0});
                previous = kind;
                at += c.bytes;
            }
            return cuts;
        });
    }
};

class BertPreTokenizer final : public PreTokenizer {
public:
    Status apply(Pieces& pieces, size_t) const override {
        weft_TRY(pieces.split(SplitBehavior::removed,
                              [](std::string_view text) { return cut_characters(text, is_white_space); }));
        return pieces.split(SplitBehavior::isolated,
                            [](std::string_view text) { return cut_characters(text, is_punctuation); });
    }
};

class CharDelimiterSplit final : public PreTokenizer {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<CharDelimiterSplit>();
        weft_ASSIGN(const std::string delimiter, read_character(part, "delimiter"));
        made->delimiter_ = code_point_at(delimiter, 0).value;
        return std::unique_ptr<PreTokenizer>(std::move(made));
    }
    Status apply(Pieces& pieces, size_t) const override {
        const auto is_delimiter = [&](char32_t c) { return c == delimiter_; };
        return pieces.split(SplitBehavior::removed,
                            [&](std::string_view text) { return cut_characters(text, is_delimiter); });
    }

private:
    char32_t delimiter_ = 0;
};

class FixedLength final : public PreTokenizer {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<FixedLength>();
        weft_ASSIGN(made->length_, part.count_or("length", 5));
        return std::unique_ptr<PreTokenizer>(std::move(made));
    }
    Status apply(Pieces& pieces, size_t) const override {
        return pieces.split(SplitBehavior::isolated, [&](std::string_view text) -> Result<std::vector<Cut>> {
            std::vector<Cut> cuts;
            uint32_t count = length_;
            for (size_t at = 0; at < text.size();) {
                const size_t bytes = code_point_at(text, at).bytes;
                if (count == length_) {
                    cuts.push_back({at, at, false});
                    count = 0;
                }
                at += bytes;
                cuts.back().end = at;
                ++count;
            }
            return cuts;
        });
    }

private:
    uint32_t length_ = 5;
};

// A new piece at each change of script. What comes before the first character that has
// one is dropped: as in the library.
class UnicodeScripts final : public PreTokenizer {
public:
    Status apply(Pieces& pieces, size_t) const override {
        return pieces.split(SplitBehavior::isolated, [](std::string_view text) -> Result<std::vector<Cut>> {
            std::vector<Cut> cuts;
            int previous = -1;
            for (size_t at = 0; at < text.size();) {
                const CodePoint c = code_point_at(text, at);
                const int script = script_of(c.value);
                if (script >= 0 && script != previous) {
                    cuts.push_back({at, at, false});
                    previous = script;
                }
                at += c.bytes;
                if (!cuts.empty()) cuts.back().end = at;
            }
            return cuts;
        });
    }
};

class Sequence final : public PreTokenizer {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<Sequence>();
        weft_ASSIGN(made->all_, read_list<PreTokenizer>(part, "pretokenizers", read_pre_tokenizer));
        return std::unique_ptr<PreTokenizer>(std::move(made));
    }
    Status apply(Pieces& pieces, size_t limit) const override {
        for (const auto& one : all_) weft_TRY(one->apply(pieces, limit));
        return Ok{};
    }

private:
    std::vector<std::unique_ptr<PreTokenizer>> all_;
};

template <class T>
Made simple(const PartReader&) {
    return std::unique_ptr<PreTokenizer>(new T());
}

constexpr PartType<PreTokenizer> kTypes[] = {
    {"ByteLevel", ByteLevel::read},
    {"Metaspace", MetaspaceSplit::read},
    {"Split", Split::read},
    {"Digits", read_digits},
    {"Punctuation", read_punctuation},
    {"Whitespace", simple<Whitespace>},
    {"WhitespaceSplit", read_whitespace_split},
    {"BertPreTokenizer", simple<BertPreTokenizer>},
    {"CharDelimiterSplit", CharDelimiterSplit::read},
    {"UnicodeScripts", simple<UnicodeScripts>},
    {"FixedLength", FixedLength::read},
    {"Sequence", Sequence::read},
};

} // namespace

Made read_pre_tokenizer(const PartReader& part) { return read_typed(part, kTypes); }

} // namespace weft::detail::text
