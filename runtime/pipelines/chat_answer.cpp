// SPDX-License-Identifier: Apache-2.0
#include "pipelines/chat_answer.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

enum class Effect { open, close, drop };
struct Mark {
    std::string_view text;
    Effect effect;
};
constexpr Mark kMarks[] = {
    {"<think>", Effect::open},
    {"</think>", Effect::close},
    {"[THINK]", Effect::open},
    {"[/THINK]", Effect::close},
    {"<|START_THINKING|>", Effect::open},
    {"<|END_THINKING|>", Effect::close},
    {"<|START_RESPONSE|>", Effect::drop},
    {"<|END_RESPONSE|>", Effect::drop},
    {"<|channel|>analysis<|message|>", Effect::open},
    {"<|channel|>commentary<|message|>", Effect::open},
    {"<|channel|>final<|message|>", Effect::close},
    {"<|end|><|start|>assistant", Effect::drop},
};

std::vector<std::string> mark_texts() {
    std::vector<std::string> texts;
    for (const Mark& mark : kMarks) texts.emplace_back(mark.text);
    return texts;
}

bool in_a_mark(std::string_view token) {
    return !token.empty() && std::any_of(std::begin(kMarks), std::end(kMarks),
                                         [&](const Mark& mark) { return mark.text.find(token) != mark.text.npos; });
}

std::string_view without_line_ends(std::string_view text, bool behind) {
    text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
    if (behind) text = text.substr(0, text.find_last_not_of('\n') + 1);
    return text;
}

} // namespace

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; }

AnswerReader::AnswerReader(const Tokenizer& tokenizer, std::string_view opening, Stops stops)
    : tokenizer_(tokenizer), decoder_(tokenizer, false), stops_(std::move(stops)), marks_(mark_texts()) {
    size_t last = 0;
    for (const Mark& mark : kMarks) {
        const size_t at = opening.rfind(mark.text);
        if (at == opening.npos || at + 1 < last || mark.effect == Effect::drop) continue;
        last = at + 1;
        thinking_ = mark.effect == Effect::open;
    }
    thought_ = thinking_;
}

void AnswerReader::push(uint32_t id, std::vector<Piece>& out) {
    if (stops_.is_stop(id)) return;
    if (tokenizer_.is_special(id) && !in_a_mark(tokenizer_.token(id))) return;
    take(decoder_.push(id), out);
}

void AnswerReader::finish(std::vector<Piece>& out) {
    take(decoder_.flush(), out);
    marks_.push(stops_.flush());
    scan(out);
    give(marks_.flush(), out);
}

void AnswerReader::take(std::string_view text, std::vector<Piece>& out) {
    marks_.push(stops_.push(text));
    scan(out);
}

void AnswerReader::scan(std::vector<Piece>& out) {
    for (;;) {
        const auto found = marks_.next();
        give(found.before, out);
        if (!found.phrase) return;
        const Mark& mark = kMarks[*found.phrase];
        const bool special = mark.text.starts_with("<|");
        if (mark.effect == Effect::open && !thinking_ && is_blank(said_)) thinking_ = thought_ = true;
        else if (mark.effect == Effect::close && thinking_) thinking_ = false;
        else if (!special) give(mark.text, out); // the answer speaks of it
    }
}

void AnswerReader::give(std::string_view text, std::vector<Piece>& out) {
    if (text.empty()) return;
    (thinking_ ? thoughts_ : said_) += text;
    out.push_back({std::string(text), thinking_});
}

ChatMessage AnswerReader::message() const {
    if (!thought_) return {"assistant", said_, {}};
    return {"assistant", std::string(without_line_ends(said_, false)), std::string(without_line_ends(thoughts_, true))};
}

} // namespace weft::detail
