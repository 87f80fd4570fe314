// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/sentencepiece_decoder.hpp"
#include "text/tokenizer/decode_stages.hpp"
#include "text/tokenizer/sentencepiece_normalizer.hpp"

namespace weft::detail::text {
namespace {

// Bytes come after the marks: a mark that is spelled in bytes is no space.
class Stage final : public WholeTokens {
public:
    Stage(DecodeStage& next, const SentencePieceDecoderConfig& config)
        : WholeTokens(config.bytes ? static_cast<DecodeStage&>(bytes_) : next), config_(config),
          bytes_(next, NoConfig{}) {}

private:
    void take(std::string token) override {
        if (!config_.unknown.empty() && token == config_.unknown) {
            at_start_ = at_start_ && config_.unknown_as.empty();
            return give(config_.unknown_as);
        }
        std::string_view rest = token;
        bool dropped = false;
        if (at_start_ && (config_.drop_first_mark || config_.drop_first_marks) && rest.starts_with(kSpaceMark)) {
            rest.remove_prefix(kSpaceMark.size());
            dropped = true;
        }
        at_start_ = at_start_ && rest.empty() && (!dropped || config_.drop_first_marks);
        std::string out;
        for (size_t mark = rest.find(kSpaceMark); mark != rest.npos; mark = rest.find(kSpaceMark)) {
            out += rest.substr(0, mark);
            out += ' ';
            rest.remove_prefix(mark + kSpaceMark.size());
        }
        give(out += rest);
    }

    const SentencePieceDecoderConfig& config_;
    ByteFallbackStage bytes_;
    bool at_start_ = true;
};

class SentencePieceDecoder final : public Decoder {
public:
    explicit SentencePieceDecoder(SentencePieceDecoderConfig config) : config_(std::move(config)) {}
    std::unique_ptr<DecodeStage> begin(DecodeStage& next) const override {
        return std::make_unique<Stage>(next, config_);
    }
    size_t growth() const override { return std::max<size_t>(1, config_.unknown_as.size()); }

private:
    SentencePieceDecoderConfig config_;
};

} // namespace

std::unique_ptr<Decoder> make_sentencepiece_decoder(SentencePieceDecoderConfig config) {
    return std::make_unique<SentencePieceDecoder>(std::move(config));
}

} // namespace weft::detail::text
