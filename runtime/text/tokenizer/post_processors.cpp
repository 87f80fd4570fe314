// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/post_processors.hpp"
#include "text/tokenizer/part.hpp"
#include <map>

namespace weft::detail::text {
namespace {

using Made = Result<std::unique_ptr<PostProcessor>>;

constexpr size_t kMostAdded = 4096;   // tokens that a template may add: it may repeat long lists
constexpr size_t kMostSequences = 16; // times that it may put in a whole text

Result<uint32_t> read_id(const JsonObject& part, const std::string& key, const Json& value) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > ~0u) return part.bad(key, "must hold token ids");
    return value.get<uint32_t>();
}

// ["[SEP]", 102]
Result<uint32_t> read_special(const JsonObject& part, const std::string& key) {
    const auto it = part.json().is_object() ? part.json().find(key) : part.json().end();
    if (it == part.json().end() || !it->is_array() || it->size() != 2 || !(*it)[0].is_string())
        return part.bad(key, "must be [token, id]");
    return read_id(part, key, (*it)[1]);
}

// It only trims offsets, which nobody here asks for.
class ByteLevel final : public PostProcessor {
public:
    Status apply(std::vector<Sequence>&, bool) const override { return Ok{}; }
};

// BERT: [CLS] A [SEP] B [SEP]. RoBERTa: <s> A </s> </s> B </s>, and all types 0.
template <bool roberta>
class Surround final : public PostProcessor {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<Surround>();
        weft_ASSIGN(made->sep_, read_special(part, "sep"));
        weft_ASSIGN(made->cls_, read_special(part, "cls"));
        return std::unique_ptr<PostProcessor>(std::move(made));
    }
    Status apply(std::vector<Sequence>& sequences, bool add_special) const override {
        for (size_t i = 0; i < sequences.size(); ++i) {
            Sequence& sequence = sequences[i];
            if (roberta) sequence.types.assign(sequence.ids.size(), 0);
            if (!add_special) continue;
            Sequence around;
            if (i == 0) around.append(cls_, 0);
            else if (roberta) around.append(sep_, 0);
            around.append(sequence);
            around.append(sep_, !roberta && i > 0 ? 1 : 0);
            sequence = std::move(around);
        }
        return Ok{};
    }

private:
    uint32_t sep_ = 0, cls_ = 0;
};

class TemplateProcessing final : public PostProcessor {
public:
    TemplateProcessing() = default;
    TemplateProcessing(Template single, Template pair) : single_(std::move(single)), pair_(std::move(pair)) {}
    static Made read(const PartReader& part) {
        auto made = std::make_unique<TemplateProcessing>();
        made->origin_ = part.origin();
        std::map<std::string, std::vector<uint32_t>> specials;
        if (part.has("special_tokens")) {
            weft_ASSIGN(const JsonObject object, part.object("special_tokens"));
            for (const auto& [name, value] : object.json().items()) {
                const JsonObject special(value, object.origin() + ": '" + name.substr(0, 64) + "'");
                const auto ids = value.is_object() ? value.find("ids") : value.end();
                if (!value.is_object() || ids == value.end() || !ids->is_array())
                    return special.bad("ids", "must be a list");
                if (ids->size() > kMostAdded) return special.bad("ids", "must have at most 4096 entries");
                for (const Json& id : *ids) {
                    weft_ASSIGN(const uint32_t number, read_id(special, "ids", id));
                    specials[name].push_back(number);
                }
            }
        }
        weft_ASSIGN(made->single_, read_pieces(part, "single", specials, 1));
        weft_ASSIGN(made->pair_, read_pieces(part, "pair", specials, 2));
        return std::unique_ptr<PostProcessor>(std::move(made));
    }

    Status apply(std::vector<Sequence>& sequences, bool add_special) const override {
        if (sequences.empty() || sequences.size() > 2) {
            return Error{ErrorCode::unsupported,
                         origin_ + ": TemplateProcessing after another processor that splits the sequence",
                         {}};
        }
        std::vector<Sequence> out;
        for (const Template::Piece& piece : (sequences.size() == 1 ? single_ : pair_).pieces) {
            if (piece.sequence < 0 && !add_special) continue;
            out.emplace_back();
            out.back().ids = piece.sequence < 0 ? piece.ids : sequences[size_t(piece.sequence)].ids;
            out.back().types.assign(out.back().ids.size(), piece.type);
        }
        sequences = std::move(out);
        return Ok{};
    }

private:
    static Result<Template> read_pieces(const JsonObject& part, const std::string& key,
                                        const std::map<std::string, std::vector<uint32_t>>& specials, int sequences) {
        Template made;
        const auto list = part.json().find(key);
        if (list == part.json().end() || list->is_null()) { // then the sequences alone
            for (int i = 0; i < sequences; ++i) made.add_text(i, uint32_t(i));
            return made;
        }
        if (!list->is_array()) return part.bad(key, "must be a list");
        if (list->size() > kMostAdded) return part.bad(key, "must have at most 4096 entries");
        size_t added = 0, repeated = 0;
        for (size_t i = 0; i < list->size(); ++i) {
            const JsonObject item((*list)[i], part.origin() + ": " + key + "[" + std::to_string(i) + "]");
            const bool is_sequence = item.has("Sequence");
            if (!is_sequence && !item.has("SpecialToken"))
                return item.bad("Sequence", "must be there, or SpecialToken");
            weft_ASSIGN(const JsonObject inner, item.object(is_sequence ? "Sequence" : "SpecialToken"));
            weft_ASSIGN(const std::string id, inner.string("id"));
            weft_ASSIGN(const int64_t type, inner.integer_or("type_id", 0));
            if (type < 0 || type > 0x7fffffff) return inner.bad("type_id", "must not be negative");
            Template::Piece piece;
            piece.type = uint32_t(type);
            if (is_sequence) {
                if (id != "A" && !(id == "B" && sequences == 2))
                    return inner.bad("id", sequences == 2 ? "must be A or B" : "must be A");
                piece.sequence = id == "A" ? 0 : 1;
                if (++repeated > kMostSequences) return part.bad(key, "must name the sequences at most 16 times");
            } else {
                const auto special = specials.find(id);
                if (special == specials.end()) return inner.bad("id", "must name an entry of special_tokens");
                piece.ids = special->second;
                added += piece.ids.size();
                if (added > kMostAdded) return part.bad(key, "adds more than 4096 tokens");
            }
            made.pieces.push_back(std::move(piece));
        }
        return made;
    }

    Template single_, pair_;
    std::string origin_;
};

class SequenceOfProcessors final : public PostProcessor {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<SequenceOfProcessors>();
        weft_ASSIGN(made->all_, read_list<PostProcessor>(part, "processors", read_post_processor));
        return std::unique_ptr<PostProcessor>(std::move(made));
    }
    Status apply(std::vector<Sequence>& sequences, bool add_special) const override {
        for (const auto& one : all_) weft_TRY(one->apply(sequences, add_special));
        return Ok{};
    }

private:
    std::vector<std::unique_ptr<PostProcessor>> all_;
};

constexpr PartType<PostProcessor> kTypes[] = {
    {"ByteLevel", [](const PartReader&) -> Made { return std::unique_ptr<PostProcessor>(new ByteLevel()); }},
    {"TemplateProcessing", TemplateProcessing::read},
    {"RobertaProcessing", Surround<true>::read},
    {"BertProcessing", Surround<false>::read},
    {"Sequence", SequenceOfProcessors::read},
};

} // namespace

std::unique_ptr<PostProcessor> make_template(Template single, Template pair) {
    return std::make_unique<TemplateProcessing>(std::move(single), std::move(pair));
}

Made read_post_processor(const PartReader& part) { return read_typed(part, kTypes); }

} // namespace weft::detail::text
