// SPDX-License-Identifier: Apache-2.0
// The protobuf file of a SentencePiece model: fields with a number and a wire type, of which a few matter.
#include "text/files/sentencepiece_layouts.hpp"
#include "text/files/tokenizer_readers.hpp"
#include <bit>

namespace weft::detail::text {
namespace {

// One field after the other of a message.
class Message {
public:
    Message(std::string_view bytes, size_t offset, const std::string& origin)
        : bytes_(bytes), offset_(offset), origin_(origin) {}

    uint32_t field = 0, wire = 0;
    uint64_t number = 0;    // of wire types 0 and 5
    std::string_view text;  // of wire type 2
    size_t text_offset = 0; // in the file

    /// Reads the next field; false at the end.
    Result<bool> next() {
        if (at_ == bytes_.size()) return false;
        weft_ASSIGN(const uint64_t key, varint());
        if (key >> 3 == 0 || key >> 3 > 0x1fffffff) return bad("has a field number of 0 or beyond 2^29");
        field = uint32_t(key >> 3);
        wire = uint32_t(key & 7);
        switch (wire) {
        case 0: {
            weft_ASSIGN(number, varint());
            return true;
        }
        case 1: return fixed(8);
        case 2: {
            weft_ASSIGN(const uint64_t size, varint());
            if (size > bytes_.size() - at_)
                return bad("has a field of " + std::to_string(size) + " bytes, which reaches beyond its end");
            text = bytes_.substr(at_, size);
            text_offset = offset_ + at_;
            at_ += size;
            return true;
        }
        case 5: return fixed(4);
        default: return bad("has wire type " + std::to_string(wire) + ", which does not exist here");
        }
    }
    Error bad(const std::string& why) const {
        return {ErrorCode::malformed,
                origin_ + ": a protobuf message " + why + " (at offset " + std::to_string(offset_ + at_) + ")",
                {}};
    }
    Message inner() const { return Message(text, text_offset, origin_); }

private:
    Result<bool> fixed(size_t size) {
        if (size > bytes_.size() - at_) return bad("ends inside a number");
        number = 0;
        for (size_t i = 0; i < size; ++i) number |= uint64_t(static_cast<unsigned char>(bytes_[at_ + i])) << (8 * i);
        at_ += size;
        return true;
    }
    Result<uint64_t> varint() {
        uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
            const auto byte = static_cast<unsigned char>(bytes_[at_++]);
            value |= uint64_t(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        return bad("ends inside a number, or has one of more than 64 bits");
    }

    std::string_view bytes_;
    size_t offset_, at_ = 0;
    const std::string& origin_;
};

// Calls `use(field)` for every field of the message.
template <class Use>
Status each_field(Message message, Use use) {
    for (;;) {
        weft_ASSIGN(const bool more, message.next());
        if (!more) return Ok{};
        weft_TRY(use(message));
    }
}

Status read_piece(const Message& m, SentencePieces::Piece& piece) {
    if (m.field == 1 && m.wire == 2) piece.text = m.text;
    if (m.field == 2 && m.wire == 5) piece.score = std::bit_cast<float>(uint32_t(m.number));
    if (m.field == 3 && m.wire == 0) {
        if (m.number < 1 || m.number > 6)
            return m.bad("has piece type " + std::to_string(m.number) + ", which does not exist");
        piece.type = int(m.number);
    }
    return Ok{};
}

Status read_trainer(const Message& m, SentencePieces& file) {
    if (m.field == 44 && m.wire == 2) {
        if (valid_utf8_prefix(m.text) != m.text.size()) return m.bad("has an unk_surface that is not UTF-8");
        file.unknown_as = m.text;
    }
    if (m.wire != 0) return Ok{};
    if (m.field == 3) {
        if (m.number < 1 || m.number > 4)
            return m.bad("has model type " + std::to_string(m.number) + ", which does not exist");
        file.kind = int(m.number);
    }
    if (m.field == 24) file.space_is_suffix = m.number != 0;
    if (m.field == 35) file.byte_fallback = m.number != 0;
    if (m.field == 41) file.bos = int64_t(m.number);
    if (m.field == 42) file.eos = int64_t(m.number);
    return Ok{};
}

void read_normalizer_spec(const Message& m, SentencePieces& file) {
    if (m.field == 2 && m.wire == 2) file.charsmap = m.text;
    if (m.wire != 0) return;
    if (m.field == 3) file.add_dummy_prefix = m.number != 0;
    if (m.field == 4) file.remove_extra_whitespaces = m.number != 0;
    if (m.field == 5) file.escape_whitespaces = m.number != 0;
}

} // namespace

Result<SentencePieces> read_sentencepiece_file(std::string_view bytes, const std::string& origin) {
    SentencePieces file;
    file.origin = origin;
    weft_TRY(each_field(Message(bytes, 0, origin), [&](const Message& m) -> Status {
        if (m.wire != 2) return Ok{};
        if (m.field == 1) {
            file.pieces.emplace_back();
            return each_field(m.inner(), [&](const Message& inner) { return read_piece(inner, file.pieces.back()); });
        }
        if (m.field == 2) return each_field(m.inner(), [&](const Message& inner) { return read_trainer(inner, file); });
        if (m.field == 3) {
            return each_field(m.inner(), [&](const Message& inner) -> Status {
                read_normalizer_spec(inner, file);
                return Ok{};
            });
        }
        return Ok{};
    }));
    if (file.pieces.empty()) return Error{ErrorCode::malformed, origin + ": holds no pieces", {}};
    return file;
}

Result<TokenizerParts> read_sentencepiece(std::string_view bytes, const std::string& origin,
                                          const TokenizerSettings& given) {
    weft_ASSIGN(SentencePieces file, read_sentencepiece_file(bytes, origin));
    TokenizerSettings settings = given;
    weft_ASSIGN(auto around, apply_class(file, settings));
    // The library itself adds nothing; the models of these files do: what T5 is made of ends a text,
    // what Llama is made of begins it.
    weft_ASSIGN(const bool add_bos, settings.flag("add_bos_token", file.kind != SentencePieces::unigram));
    weft_ASSIGN(const bool add_eos, settings.flag("add_eos_token", file.kind == SentencePieces::unigram));
    const auto special = [&](bool wanted, int64_t id) {
        const bool known = wanted && id >= 0 && uint64_t(id) < file.pieces.size() &&
                           file.pieces[size_t(id)].type == SentencePieces::control;
        return known ? std::vector<uint32_t>{uint32_t(id)} : std::vector<uint32_t>();
    };
    const auto before = special(add_bos, file.bos), after = special(add_eos, file.eos);
    weft_ASSIGN(bool clean_up, settings.flag("clean_up_tokenization_spaces", false));
    clean_up = clean_up && file.kind == SentencePieces::unigram;
    weft_ASSIGN(TokenizerParts parts, make_sentencepiece(std::move(file), settings, before, after));
    if (around) parts.post_processor = std::move(around);
    if (clean_up) parts.decoder = make_clean_up(std::move(parts.decoder));
    return parts;
}

} // namespace weft::detail::text
