// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer.hpp"
#include "base/access.hpp"
#include "text/files/tokenizer_files.hpp"
#include "text/files/tokenizer_readers.hpp"
#include "unicode/utf8.hpp"

namespace weft {
using namespace detail;
namespace {

using text::Pieces;
using text::TokenizerParts;

constexpr size_t kLongestText = size_t(1) << 30;

Status check_text(std::string_view text) {
    const size_t valid = valid_utf8_prefix(text);
    if (valid != text.size())
        return Error{ErrorCode::invalid_argument, "the text is not valid UTF-8 at byte " + std::to_string(valid), {}};
    if (text.size() > kLongestText) return Error{ErrorCode::invalid_argument, "the text is longer than 2^30 bytes", {}};
    return Ok{};
}

// A limit on the text's growth knows nothing of the file; a regular expression that gave up has named its place there.
Error in_file(const TokenizerParts& parts, Error error) {
    return error.message.starts_with(parts.origin) ? error : in_context(parts.origin, std::move(error));
}

Result<Pieces> normalize(const TokenizerParts& parts, std::string_view text) {
    auto pieces = parts.added.extract(text, parts.normalizer.get());
    if (!pieces) return in_file(parts, std::move(pieces).error());
    return pieces;
}

Status pre_tokenize(const TokenizerParts& parts, std::string_view text, Pieces& pieces) {
    if (!parts.pre_tokenizer) return Ok{};
    auto status = parts.pre_tokenizer->apply(pieces, text::growth_limit(text.size()));
    if (!status) return in_file(parts, std::move(status).error());
    return Ok{};
}

Result<text::Sequence> tokenize(const TokenizerParts& parts, std::string_view text, uint32_t type) {
    weft_TRY(check_text(text));
    weft_ASSIGN(Pieces pieces, normalize(parts, text));
    weft_TRY(pre_tokenize(parts, text, pieces));
    text::Sequence sequence;
    const auto session = parts.model->begin();
    for (const Pieces::Piece& piece : pieces.all) {
        if (piece.token) sequence.ids.push_back(*piece.token);
        else weft_TRY(session->tokenize(pieces.view(piece), sequence.ids));
    }
    sequence.types.assign(sequence.ids.size(), type);
    return sequence;
}

Result<text::Sequence> post_process(const TokenizerParts& parts, std::vector<text::Sequence> sequences,
                                    bool add_special) {
    if (parts.post_processor) weft_TRY(parts.post_processor->apply(sequences, add_special));
    if (sequences.size() == 1) return std::move(sequences[0]);
    text::Sequence joined;
    for (const text::Sequence& sequence : sequences) joined.append(sequence);
    return joined;
}

// What the decoder is given for an id, or nothing if the id has no token or is to be skipped.
std::optional<std::string_view> token_to_decode(const TokenizerParts& parts, uint32_t id, bool skip_special) {
    std::optional<std::string_view> token;
    if (parts.added.token(id)) token = parts.added.decoded(id);
    else token = parts.model->vocabulary().token(id);
    if (token && skip_special && parts.added.is_special(*token)) return std::nullopt;
    return token;
}

class AppendTo final : public text::DecodeStage {
public:
    explicit AppendTo(std::string& out) : out_(out) {}
    void part(std::string_view text) override { out_ += text; }
    void end_token() override {}
    void finish() override {}

private:
    std::string& out_;
};

} // namespace

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& path) try {
    weft_ASSIGN(TokenizerParts parts, text::load_tokenizer(path));
    parts.origin = path.string();
    return text::tokenizer_of(std::move(parts));
}
weft_CATCH

Result<Tokenizer> Tokenizer::parse(std::string_view json, const std::string& origin) try {
    weft_ASSIGN(const Json root, parse_json(json, origin));
    weft_ASSIGN(TokenizerParts parts, text::read_tokenizer_json(root, origin));
    parts.origin = origin;
    return text::tokenizer_of(std::move(parts));
}
weft_CATCH

Result<std::vector<uint32_t>> Tokenizer::encode(std::string_view text, bool add_special) const try {
    std::vector<text::Sequence> sequences(1);
    weft_ASSIGN(sequences[0], tokenize(*state_, text, 0));
    weft_ASSIGN(text::Sequence done, post_process(*state_, std::move(sequences), add_special));
    return std::move(done.ids);
}
weft_CATCH

Result<Tokenizer::Encoding> Tokenizer::encode_pair(std::string_view first, std::string_view second,
                                                   bool add_special) const try {
    std::vector<text::Sequence> sequences(2);
    weft_ASSIGN(sequences[0], tokenize(*state_, first, 0));
    weft_ASSIGN(sequences[1], tokenize(*state_, second, 1));
    weft_ASSIGN(text::Sequence done, post_process(*state_, std::move(sequences), add_special));
    return Encoding{std::move(done.ids), std::move(done.types)};
}
weft_CATCH

std::string Tokenizer::decode(std::span<const uint32_t> ids, bool skip_special) const {
    std::string out;
    AppendTo sink(out);
    const auto stage = state_->decoder->begin(sink);
    for (const uint32_t id : ids) {
        if (const auto token = token_to_decode(*state_, id, skip_special)) {
            stage->part(*token);
            stage->end_token();
        }
    }
    stage->finish();
    return out;
}

uint32_t Tokenizer::vocab_size() const { return std::max(state_->added.size(), state_->model->vocabulary().size()); }

std::optional<uint32_t> Tokenizer::id_of(std::string_view token) const {
    if (const auto id = state_->added.id_of(token)) return id;
    return state_->model->vocabulary().id_of(token);
}

std::string Tokenizer::token(uint32_t id) const {
    if (const auto* added = state_->added.token(id)) return added->content;
    return std::string(state_->model->vocabulary().token(id).value_or(""));
}

bool Tokenizer::is_special(uint32_t id) const {
    const auto* added = state_->added.token(id);
    return state_->added.is_special(added ? std::string_view(added->content)
                                          : state_->model->vocabulary().token(id).value_or(""));
}

Result<Tokenizer::Trace> Tokenizer::trace(std::string_view text) const try {
    weft_TRY(check_text(text));
    Trace trace;
    weft_ASSIGN(Pieces pieces, normalize(*state_, text));
    const auto copy = [&](std::vector<Trace::Piece>& out) {
        for (const auto& piece : pieces.all) out.push_back({std::string(pieces.view(piece)), piece.token});
    };
    copy(trace.normalized);
    weft_TRY(pre_tokenize(*state_, text, pieces));
    copy(trace.pieces);
    return trace;
}
weft_CATCH

class StreamDecoder::Sink final : public text::DecodeStage {
public:
    void part(std::string_view text) override { out += text; }
    void end_token() override {}
    void finish() override {}
    std::string take() {
        std::string taken;
        taken.swap(out);
        return taken;
    }
    std::string out;
};

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special, std::span<const uint32_t> prompt)
    : parts_(Access::held(tokenizer)), skip_special_(skip_special), sink_(std::make_unique<Sink>()),
      known_(tokenizer.decode(prompt, skip_special)) {
    begin();
    for (const uint32_t id : prompt) feed(id);
    known_.erase(0, sink_->take().size());
}

StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

void StreamDecoder::begin() { stage_ = parts_->decoder->begin(*sink_); }

void StreamDecoder::feed(uint32_t id) {
    if (const auto token = token_to_decode(*parts_, id, skip_special_)) {
        stage_->part(*token);
        stage_->end_token();
    }
}

// The text that became certain, without what the prompt's text has there too.
std::string StreamDecoder::take_new() {
    std::string text = sink_->take();
    size_t same = 0;
    while (same < std::min(text.size(), known_.size())) {
        const size_t bytes = code_point_at(text, same).bytes;
        if (text.compare(same, bytes, known_, same, bytes) != 0) known_.resize(same);
        else same += bytes;
    }
    known_.erase(0, same);
    return text.erase(0, same);
}

std::string StreamDecoder::push(uint32_t id) {
    feed(id);
    return take_new();
}

std::string StreamDecoder::flush() {
    stage_->finish();
    std::string rest = take_new();
    known_.clear();
    begin();
    return rest;
}

} // namespace weft

namespace weft::detail::text {

Tokenizer tokenizer_of(TokenizerParts parts) {
    if (!parts.decoder) parts.decoder = make_join();
    return detail::Access::make<Tokenizer>(std::make_shared<const TokenizerParts>(std::move(parts)));
}

Result<Tokenizer> tokenizer_of(const GgufMetadata& metadata) {
    weft_ASSIGN(TokenizerParts parts, read_gguf_vocabulary(metadata));
    return tokenizer_of(std::move(parts));
}

} // namespace weft::detail::text
