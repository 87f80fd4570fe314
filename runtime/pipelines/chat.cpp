// SPDX-License-Identifier: Apache-2.0
// L6: Chat: questions and answers over one sequence.
#include "pipelines/chat_state.hpp"
#include "pipelines/tasks.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>
#include <chrono>
#include <utility>

namespace weft::detail {
namespace {

using OrderedJson = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

} // namespace

// The conversation as its template writes it, with the beginning of an answer if there is to be one.
Result<std::string> ChatState::render(std::span<const ChatMessage> said, bool answer) const {
    std::vector<const Picture*> pictures;
    auto messages = OrderedJson::array();
    if (!options_.system.empty()) messages.push_back({{"role", "system"}, {"content", options_.system}});
    for (const ChatMessage& m : said) {
        OrderedJson message{{"role", m.role}, {"content", m.content}};
        if (!m.reasoning.empty()) message["reasoning_content"] = m.reasoning;
        if (!m.pictures.empty()) {
            auto parts = OrderedJson::array();
            for (const Picture& picture : m.pictures) {
                parts.push_back({{"type", "image"}});
                pictures.push_back(&picture);
            }
            parts.push_back({{"type", "text"}, {"text", m.content}});
            message["content"] = std::move(parts);
        }
        messages.push_back(std::move(message));
    }
    OrderedJson conversation{{"messages", std::move(messages)}, {"add_generation_prompt", answer}};
    if (options_.thinking)
        conversation["kwargs"] = {{"enable_thinking", *options_.thinking}, {"thinking", *options_.thinking}};
    weft_ASSIGN(
        std::string text,
        template_.render(conversation.dump(-1, ' ', false, OrderedJson::error_handler_t::replace), {options_.now}));
    return shown_.tell(std::move(text), pictures);
}

std::vector<uint32_t> ChatState::end_tokens() const {
    std::vector<uint32_t> ends = state_.defaults.end_tokens;
    if (const auto closing = closing_token()) add_end(ends, *closing);
    add_turn_ends(ends, *state_.tokenizer);
    ends.resize(std::min<size_t>(ends.size(), kMostEnds));
    return ends;
}

// The special token that follows an answer in a rendered conversation, at its end or else before the next question,
// with nothing but white space between.
std::optional<uint32_t> ChatState::closing_token() const {
    const Tokenizer& tokenizer = *state_.tokenizer;
    const ChatMessage said[] = {{"user", "Who lives here?"}, {"assistant", "Quokkas"}, {"user", "Why?"}};
    for (const size_t count : {2, 3}) {
        const auto text = render(std::span(said).first(count), false);
        const size_t answer = text ? text->rfind(said[1].content) : std::string::npos;
        if (answer == std::string::npos) continue;
        const std::string_view rest = std::string_view(*text).substr(answer + said[1].content.size());
        const auto ids = tokenizer.encode(rest, false);
        if (!ids) continue;
        const auto special =
            std::find_if(ids->begin(), ids->end(), [&](uint32_t id) { return tokenizer.is_special(id); });
        if (special == ids->end()) continue;
        const size_t at = rest.find(tokenizer.token(*special));
        if (at != rest.npos && is_blank(rest.substr(0, at))) return *special;
    }
    return std::nullopt;
}

Status ChatState::make_sequence() {
    weft_ASSIGN(session_, make_session(model_, options_.sequence, kChatHolds));
    return session_->set_end_tokens(ends_);
}

Status ChatState::begin(const Prompt& question) {
    const std::string_view text = question.text;
    if (turn_) return Error{ErrorCode::invalid_argument, "the last question is still being answered", {}};
    if (const size_t valid = valid_utf8_prefix(text); valid < text.size())
        return Error{ErrorCode::invalid_argument, "the question: invalid UTF-8 at byte " + std::to_string(valid), {}};
    messages_.push_back({"user", std::string(text), {}, {question.pictures.begin(), question.pictures.end()}});
    const auto prepare = [&]() -> Status {
        weft_ASSIGN(std::string prompt, render(messages_, true));
        const auto open = render(messages_, false); // some templates refuse it; there is less to go back to then
        weft_ASSIGN(std::vector<uint32_t> tokens, tokens_of(prompt));
        if (tokens.empty())
            return Error{ErrorCode::invalid_argument, "the chat template makes no text of this conversation", {}};
        if (tokens.size() >= session_->options().context)
            return Error{ErrorCode::invalid_argument,
                         "the conversation has " + std::to_string(tokens.size()) + " tokens, the context is " +
                             std::to_string(session_->options().context),
                         {}};
        weft_ASSIGN(Stops stops, Stops::create(options_.generate.stop, *state_.tokenizer));
        const bool begins = open && prompt.starts_with(*open);
        turn_.emplace(Turn{
            .reader = AnswerReader(*state_.tokenizer,
                                   begins ? std::string_view(prompt).substr(open->size()) : std::string_view(prompt),
                                   std::move(stops))});
        turn_->fed = shown_.as_fed(tokens);
        turn_->pictures_at = shown_.begins(tokens);
        turn_->tokens = std::move(tokens);
        for (const ChatMessage& m : messages_)
            for (const Picture& picture : m.pictures)
                for (uint32_t i = 0; i < shown_.pieces_of(picture); ++i) turn_->pictures.push_back({&picture, i});
        if (messages_.size() == 1 && !options_.system.empty()) weft_TRY(add_stop(prompt, render({}, false)));
        weft_TRY(add_stop(prompt, open));
        for (const size_t at : turn_->pictures_at) turn_->stops.push_back({at, std::nullopt}); // one is seen at a time
        std::ranges::stable_sort(turn_->stops, {}, &Stop::tokens);
        weft_TRY(memory_.mark(*session_, {}));
        weft_TRY(memory_.go_back(*session_, turn_->tokens, std::move(prompt)));
        stats_.kept = session_->length(0);
        stats_.fed += turn_->tokens.size() - stats_.kept;
        return feed();
    };
    Status status = prepare();
    if (!status) drop_turn();
    return status;
}

Result<std::vector<uint32_t>> ChatState::tokens_of(std::string_view text) const {
    return memory_.tokens_of(shown_, *state_.tokenizer, text);
}

// Pauses where `beginning` ends, if the prompt begins with it.
Status ChatState::add_stop(std::string_view prompt, const Result<std::string>& beginning) {
    if (!beginning || !prompt.starts_with(*beginning)) return Ok{};
    const auto& tokens = turn_->tokens;
    weft_ASSIGN(const std::vector<uint32_t> before, tokens_of(*beginning));
    const size_t count =
        size_t(std::mismatch(before.begin(), before.end(), tokens.begin(), tokens.end()).first - before.begin());
    if (count == 0 || count == tokens.size() || (!turn_->stops.empty() && turn_->stops.back().tokens >= count))
        return Ok{};
    turn_->stops.push_back({count, count == before.size() ? std::optional(beginning->size()) : std::nullopt});
    return Ok{};
}

// Begins to feed the prompt up to the next stop, or what is behind the last.
Status ChatState::feed() {
    const size_t here = session_->length(0);
    std::erase_if(turn_->stops, [&](const Stop& stop) { return stop.tokens <= here; });
    if (turn_->stops.empty()) return begin_answer();
    const size_t end = turn_->stops[0].tokens;
    weft_TRY(see(here, end));
    const Feed feed{0, std::span(turn_->fed).subspan(here, end - here), uint32_t(turn_->fed.size())};
    return session_->begin({&feed, 1}, Want::nothing);
}

// The pictures whose tokens begin there: at most one.
Status ChatState::see(size_t first, size_t end) {
    for (size_t i = 0; i < turn_->pictures_at.size(); ++i) {
        if (turn_->pictures_at[i] < first || turn_->pictures_at[i] >= end) continue;
        const auto [picture, piece] = turn_->pictures[i];
        if (std::exchange(turn_->last, picture) != picture) {
            weft_ASSIGN(turn_->seen, seen_picture(state_, *picture));
        }
        weft_TRY(encode_picture(*session_, turn_->seen, piece));
    }
    return Ok{};
}

Status ChatState::begin_answer() {
    const size_t here = session_->length(0);
    weft_TRY(see(here, turn_->fed.size()));
    weft_ASSIGN(turn_->continuation,
                Continuation::begin(*session_, std::span(turn_->fed).subspan(here), options_.generate));
    return Ok{};
}

Result<bool> ChatState::advance(double budget_ms, const ChatFunction& on_piece) {
    if (!turn_) return Error{ErrorCode::invalid_argument, "advance() without begin()", {}};
    auto done = step(budget_ms, on_piece);
    if (!done) drop_turn();
    return done;
}

Result<bool> ChatState::step(double budget_ms, const ChatFunction& on_piece) {
    const auto report = [&]() -> Status {
        if (!options_.generate.progress ||
            options_.generate.progress(
                {Progress::Stage::prefill, session_->length(0) - stats_.kept, turn_->tokens.size() - stats_.kept}))
            return Ok{};
        return Error{ErrorCode::cancelled, "stopped", {}};
    };
    if (!turn_->continuation) {
        const auto start = Clock::now();
        weft_ASSIGN(const bool done, session_->advance(std::min(budget_ms, session_->options().longest_submission_ms)));
        turn_->stops_ms += std::chrono::duration<double, std::milli>(Clock::now() - start).count();
        if (done) {
            weft_TRY(memory_.mark(*session_, turn_->stops[0].text));
            weft_TRY(feed());
        }
        weft_TRY(report());
        return false;
    }
    const bool feeding = !turn_->continuation->prompt_is_fed();
    std::vector<uint32_t> tokens;
    weft_ASSIGN(const bool done, turn_->continuation->advance(budget_ms, tokens));
    if (feeding) weft_TRY(report());
    std::vector<AnswerReader::Piece> pieces;
    for (const uint32_t id : tokens) {
        turn_->reader.push(id, pieces);
        if (turn_->reader.stop()) break;
    }
    give(pieces, on_piece);
    if (!done && !turn_->stopped && !turn_->reader.stop()) return false;
    weft_TRY(finish(on_piece));
    return true;
}

void ChatState::give(std::span<const AnswerReader::Piece> pieces, const ChatFunction& on_piece) {
    for (const auto& piece : pieces) // all of them even after a stop: they are part of the answer
        if (on_piece && !on_piece({piece.text, piece.thinking})) turn_->stopped = true;
}

Status ChatState::finish(const ChatFunction& on_piece) {
    std::vector<AnswerReader::Piece> pieces;
    turn_->reader.finish(pieces);
    give(pieces, on_piece);
    messages_.push_back(turn_->reader.message());
    stats_.last = turn_->continuation->stats();
    stats_.last.prompt_tokens = uint32_t(turn_->tokens.size()) - stats_.kept;
    stats_.last.prefill_ms += turn_->stops_ms;
    stats_.last.first_token_ms += turn_->stops_ms;
    stats_.last.stop = turn_->reader.stop().value_or("");
    stats_.made += stats_.last.new_tokens;
    memory_.add(turn_->continuation->own(), own_text());
    turn_.reset();
    return Ok{};
}

// The text that the sequence took in of the answer, as it follows the prompt, special tokens and all.
std::string ChatState::own_text() const {
    StreamDecoder decoder(*state_.tokenizer, false, turn_->fed);
    std::string text;
    for (const uint32_t id : turn_->continuation->own()) text += decoder.push(id);
    return text + decoder.flush();
}

// A question that could not be answered was not asked.
void ChatState::drop_turn() {
    if (turn_) memory_.tear();
    turn_.reset();
    messages_.pop_back();
}

bool ChatState::undo() {
    if (turn_ || messages_.size() < 2) return false;
    messages_.resize(messages_.size() - 2);
    return true;
}

void ChatState::reset() {
    if (!turn_) messages_.clear();
}

ChatStats ChatState::stats() const {
    ChatStats s = stats_;
    s.tokens = session_->length(0);
    s.context = session_->options().context;
    s.snapshot_bytes = memory_.snapshot_bytes();
    return s;
}

} // namespace weft::detail

namespace weft {
using namespace detail;

Chat::Chat(std::unique_ptr<ChatState> state) : state_(std::move(state)) {}
Chat::Chat(Chat&&) noexcept = default;
Chat& Chat::operator=(Chat&&) noexcept = default;
Chat::~Chat() = default;

Result<Chat> Chat::create(const Model& model, ChatTemplate chat_template, ChatOptions options) try {
    if (!model.tokenizer())
        return Error{ErrorCode::not_found, "a conversation needs a tokenizer, and this model has none", {}};
    weft_TRY(check_continues(Access::state(model).schedule(), "a conversation"));
    auto state = std::make_unique<ChatState>(model, std::move(chat_template), std::move(options));
    weft_TRY(state->make_sequence());
    return Chat(std::move(state));
}
weft_CATCH

Status Chat::begin(const Prompt& question) try { return state_->begin(question); }
weft_CATCH
Result<bool> Chat::advance(double budget_ms, const ChatFunction& on_piece) try {
    return state_->advance(budget_ms, on_piece);
}
weft_CATCH

Result<GenerateStats> Chat::ask(const Prompt& question, const ChatFunction& on_piece) try {
    weft_TRY(state_->begin(question));
    for (;;) {
        weft_ASSIGN(const bool done, state_->advance(kWithoutLimit, on_piece));
        if (done) return state_->stats().last;
    }
}
weft_CATCH

bool Chat::undo() { return state_->undo(); }
void Chat::reset() { state_->reset(); }
void Chat::set_system(std::string text) { state_->system() = std::move(text); }
const std::string& Chat::system() const { return state_->system(); }
const std::vector<ChatMessage>& Chat::messages() const { return state_->messages(); }
ChatStats Chat::stats() const { return state_->stats(); }
Result<std::string> Chat::save() const try { return state_->save(); }
weft_CATCH
Status Chat::load(std::string_view json, const std::string& origin) try { return state_->load(json, origin); }
weft_CATCH

} // namespace weft
