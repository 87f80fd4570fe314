// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/normalizers.hpp"
#include "base/base64.hpp"
#include "text/tokenizer/bert_normalizer.hpp"
#include "text/tokenizer/charsmap.hpp"
#include "text/tokenizer/part.hpp"
#include "unicode/unicode.hpp"

namespace weft::detail::text {
namespace {

using Made = Result<std::unique_ptr<Normalizer>>;

class Form final : public Normalizer {
public:
    explicit Form(NormalForm form) : form_(form) {}
    Status apply(NormalText& text) const override {
        to_form(text, form_);
        return Ok{};
    }

private:
    NormalForm form_;
};

template <NormalForm form>
Made read_form(const PartReader&) {
    return std::unique_ptr<Normalizer>(new Form(form));
}

class Lowercase final : public Normalizer {
public:
    Status apply(NormalText& text) const override {
        map_characters(text, append_lower);
        return Ok{};
    }
};

class StripAccents final : public Normalizer {
public:
    Status apply(NormalText& text) const override {
        map_characters(text, [](std::string& out, char32_t c) {
            if (!is_mark(c)) append_code_point(out, c);
        });
        return Ok{};
    }
};

class Strip final : public Normalizer {
public:
    Strip(bool left, bool right) : left_(left), right_(right) {}
    static Made read(const PartReader& part) {
        weft_ASSIGN(const bool left, part.boolean_or("strip_left", true));
        weft_ASSIGN(const bool right, part.boolean_or("strip_right", true));
        return std::unique_ptr<Normalizer>(new Strip(left, right));
    }
    Status apply(NormalText& text) const override {
        size_t begin = 0, end = text.text.size();
        while (left_ && begin < end) {
            const CodePoint c = code_point_at(text.text, begin);
            if (!is_white_space(c.value)) break;
            begin += c.bytes;
        }
        while (right_ && end > begin) {
            const CodePoint c = code_point_before(text.text, end);
            if (!is_white_space(c.value)) break;
            end -= c.bytes;
        }
        text.text = text.text.substr(begin, end - begin);
        text.head = std::min(text.head > begin ? text.head - begin : 0, end - begin);
        return Ok{};
    }

private:
    bool left_, right_;
};

// What SentencePiece's "nmt" rules do to control characters and odd spaces.
class Nmt final : public Normalizer {
public:
    Status apply(NormalText& text) const override {
        map_characters(text, [](std::string& out, char32_t c) {
            const bool dropped =
                (c >= 1 && c <= 8) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
            const bool spaced = c == 9 || c == 10 || c == 12 || c == 13 || c == 0x1680 ||
                                (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                                c == 0xfeff || c == 0xfffd;
            if (!dropped) append_code_point(out, spaced ? U' ' : c);
        });
        return Ok{};
    }
};

class Replace final : public Normalizer {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<Replace>();
        weft_ASSIGN(made->pattern_, Pattern::read(part));
        weft_ASSIGN(made->content_, read_affix(part, "content"));
        return std::unique_ptr<Normalizer>(std::move(made));
    }
    Status apply(NormalText& text) const override {
        weft_ASSIGN(const std::vector<Cut> cuts, pattern_.cut(text.text));
        return replace(text, cuts, content_);
    }

private:
    Pattern pattern_;
    std::string content_;
};

// What SentencePiece's rules do, as the library applies them: to whole characters as
// a reader sees them, if those are short.
class Precompiled final : public Normalizer {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<Precompiled>();
        weft_ASSIGN(const std::string base64, part.string("precompiled_charsmap"));
        const auto blob = from_base64(base64);
        if (!blob) return part.bad("precompiled_charsmap", "must be base64");
        weft_ASSIGN(made->map_, Charsmap::read(*blob, part.origin()));
        return std::unique_ptr<Normalizer>(std::move(made));
    }
    Status apply(NormalText& text) const override {
        std::string out;
        out.reserve(text.text.size());
        size_t head = 0;
        const std::string_view all = text.text;
        const auto put = [&](size_t begin, size_t end, std::string_view replacement) {
            out += replacement;
            if (begin < text.head && end > begin) head = out.size();
        };
        for (size_t at = 0; at < all.size();) {
            const size_t end = grapheme_end(all, at);
            const auto whole = end - at < kShort ? map_.shortest(all.substr(at, end - at)) : std::nullopt;
            if (whole) {
                put(at, end, whole->replacement);
                at = end;
            }
            while (at < end) {
                const std::string_view c = all.substr(at, code_point_at(all, at).bytes);
                const auto part = map_.shortest(c);
                put(at, at + c.size(), part ? part->replacement : c);
                at += c.size();
            }
            if (out.size() > text.limit) break;
        }
        text.text = std::move(out);
        text.head = head;
        return text.check();
    }

private:
    static constexpr size_t kShort = 6; // bytes
    Charsmap map_;
};

class Prepend final : public Normalizer {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<Prepend>();
        weft_ASSIGN(made->prefix_, read_affix(part, "prepend"));
        return std::unique_ptr<Normalizer>(std::move(made));
    }
    Status apply(NormalText& text) const override {
        prepend(text, prefix_);
        return text.check();
    }

private:
    std::string prefix_;
};

class ByteLevel final : public Normalizer {
public:
    Status apply(NormalText& text) const override {
        to_byte_alphabet(text);
        return text.check();
    }
};

class Sequence final : public Normalizer {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<Sequence>();
        weft_ASSIGN(made->all_, read_list<Normalizer>(part, "normalizers", read_normalizer));
        return std::unique_ptr<Normalizer>(std::move(made));
    }
    Status apply(NormalText& text) const override {
        for (const auto& one : all_) {
            weft_TRY(one->apply(text));
            weft_TRY(text.check());
        }
        return Ok{};
    }

private:
    std::vector<std::unique_ptr<Normalizer>> all_;
};

template <class T>
Made simple(const PartReader&) {
    return std::unique_ptr<Normalizer>(new T());
}

constexpr PartType<Normalizer> kTypes[] = {
    {"NFC", read_form<NormalForm::c>},
    {"NFD", read_form<NormalForm::d>},
    {"NFKC", read_form<NormalForm::kc>},
    {"NFKD", read_form<NormalForm::kd>},
    {"Lowercase", simple<Lowercase>},
    {"Strip", Strip::read},
    {"StripAccents", simple<StripAccents>},
    {"Nmt", simple<Nmt>},
    {"Precompiled", Precompiled::read},
    {"BertNormalizer", read_bert_normalizer},
    {"Replace", Replace::read},
    {"Prepend", Prepend::read},
    {"ByteLevel", simple<ByteLevel>},
    {"Sequence", Sequence::read},
};

} // namespace

Made read_normalizer(const PartReader& part) { return read_typed(part, kTypes); }

void to_form(NormalText& text, NormalForm form) {
    const size_t head = normalize(std::string_view(text.text).substr(0, text.head), form).size();
    text.text = normalize(text.text, form);
    text.head = std::min(head, text.text.size());
}

void prepend(NormalText& text, std::string_view prefix) {
    if (text.text.empty()) return;
    text.text.insert(0, prefix);
    if (text.head > 0) text.head += prefix.size();
}

Status replace(NormalText& text, const std::vector<Cut>& cuts, std::string_view content) {
    std::string out;
    out.reserve(text.text.size());
    size_t head = 0;
    for (const Cut& cut : cuts) {
        if (cut.match) {
            out += content;
            // What is put in counts as coming from the last character of what it replaces.
            if (text.head > 0 && (cut.end == 0 || cut.end <= text.head)) head = out.size();
        } else {
            out += std::string_view(text.text).substr(cut.begin, cut.end - cut.begin);
            if (cut.begin < text.head) head = out.size() - (cut.end - std::min(cut.end, text.head));
        }
        if (out.size() > text.limit) {
            text.text.swap(out);
            return text.check();
        }
    }
    text.text = std::move(out);
    text.head = head;
    return Ok{};
}

void to_byte_alphabet(NormalText& text) {
    std::string out;
    out.reserve(text.text.size() * 2);
    const ByteAlphabet& alphabet = ByteAlphabet::get();
    alphabet.encode(std::string_view(text.text).substr(0, text.head), out);
    const size_t head = out.size();
    alphabet.encode(std::string_view(text.text).substr(text.head), out);
    text.text = std::move(out);
    text.head = head;
}

} // namespace weft::detail::text
