// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/decoders.hpp"
#include "text/tokenizer/decode_stages.hpp"
#include "text/tokenizer/metaspace.hpp"
#include "text/tokenizer/part.hpp"

namespace weft::detail::text {
namespace {

using Made = Result<std::unique_ptr<Decoder>>;

constexpr size_t kMostGrowth = 4096; // Replaces in a row multiply

// A decoder whose stage is a `Stage` made from a `Config`.
template <class Stage, class Config>
class With final : public Decoder {
public:
    explicit With(Config config) : config_(std::move(config)) {}
    std::unique_ptr<DecodeStage> begin(DecodeStage& next) const override {
        return std::make_unique<Stage>(next, config_);
    }
    size_t growth() const override { return config_.growth(); }

private:
    Config config_;
};

template <class Stage, class Config>
Made make(Config config) {
    return std::unique_ptr<Decoder>(new With<Stage, Config>(std::move(config)));
}

template <class Stage>
Made read_plain(const PartReader&) {
    return make<Stage>(NoConfig{});
}

Made read_replace(const PartReader& part) {
    ReplaceConfig config;
    weft_ASSIGN(config.pattern, Pattern::read(part));
    weft_ASSIGN(config.content, read_affix(part, "content"));
    if (config.growth() > kMostGrowth) return part.bad("content", "must be at most 4096 times as long as the pattern");
    return config.pattern.literal() ? make<ReplaceStringStage>(std::move(config))
                                    : make<ReplaceStage>(std::move(config));
}

Made read_strip(const PartReader& part) {
    StripConfig config;
    weft_ASSIGN(config.content, read_character(part, "content"));
    for (auto [key, target] : {std::pair("start", &config.start), std::pair("stop", &config.stop)}) {
        weft_ASSIGN(const int64_t value, part.integer_or(key, 0));
        if (value < 0) return part.bad(key, "must not be negative");
        *target = size_t(value);
    }
    return make<StripStage>(std::move(config));
}

Made read_metaspace(const PartReader& part) {
    weft_ASSIGN(const Metaspace metaspace, Metaspace::read(part));
    return make<MetaspaceStage>(MetaspaceConfig{metaspace.replacement, metaspace.scheme != Metaspace::never});
}

Made read_bpe_decoder(const PartReader& part) {
    weft_ASSIGN(std::string suffix, part.string_or("suffix", "</w>"));
    return make<SuffixStage>(SuffixConfig{std::move(suffix)});
}

Made read_word_piece(const PartReader& part) {
    weft_ASSIGN(std::string prefix, part.string_or("prefix", "##"));
    weft_ASSIGN(const bool cleanup, part.boolean_or("cleanup", true));
    return make<WordPieceStage>(WordPieceConfig{std::move(prefix), cleanup});
}

Made read_ctc(const PartReader& part) {
    CtcConfig config;
    weft_ASSIGN(config.pad, part.string_or("pad_token", "<pad>"));
    weft_ASSIGN(config.delimiter, part.string_or("word_delimiter_token", "|"));
    weft_ASSIGN(config.cleanup, part.boolean_or("cleanup", true));
    return make<CtcStage>(std::move(config));
}

// The stages of a Sequence, the last one made first.
class Chain final : public DecodeStage {
public:
    Chain(const std::vector<std::unique_ptr<Decoder>>& decoders, DecodeStage& next) : first_(&next) {
        for (auto it = decoders.rbegin(); it != decoders.rend(); ++it) {
            stages_.push_back((*it)->begin(*first_));
            first_ = stages_.back().get();
        }
    }
    void part(std::string_view text) override { first_->part(text); }
    void end_token() override { first_->end_token(); }
    void finish() override { first_->finish(); }

private:
    std::vector<std::unique_ptr<DecodeStage>> stages_;
    DecodeStage* first_;
};

class Sequence final : public Decoder {
public:
    static Made read(const PartReader& part) {
        auto made = std::make_unique<Sequence>();
        weft_ASSIGN(made->all_, read_list<Decoder>(part, "decoders", read_decoder));
        for (const auto& one : made->all_) {
            made->growth_ *= one->growth();
            if (made->growth_ > kMostGrowth)
                return part.bad("decoders", "must not make text more than 4096 times longer");
        }
        return std::unique_ptr<Decoder>(std::move(made));
    }
    std::unique_ptr<DecodeStage> begin(DecodeStage& next) const override { return std::make_unique<Chain>(all_, next); }
    size_t growth() const override { return growth_; }
    void add(std::unique_ptr<Decoder> decoder) {
        growth_ *= decoder->growth();
        all_.push_back(std::move(decoder));
    }

private:
    std::vector<std::unique_ptr<Decoder>> all_;
    size_t growth_ = 1;
};

constexpr PartType<Decoder> kTypes[] = {
    {"ByteLevel", read_plain<ByteLevelStage>},
    {"Metaspace", read_metaspace},
    {"Replace", read_replace},
    {"Fuse", read_plain<FuseStage>},
    {"Strip", read_strip},
    {"ByteFallback", read_plain<ByteFallbackStage>},
    {"BPEDecoder", read_bpe_decoder},
    {"WordPiece", read_word_piece},
    {"CTC", read_ctc},
    {"Sequence", Sequence::read},
};

} // namespace

Made read_decoder(const PartReader& part) { return read_typed(part, kTypes); }

std::unique_ptr<Decoder> make_join() { return std::make_unique<With<JoinStage, NoConfig>>(NoConfig{}); }

std::unique_ptr<Decoder> make_clean_up(std::unique_ptr<Decoder> decoder) {
    auto all = std::make_unique<Sequence>();
    all->add(decoder ? std::move(decoder) : make_join());
    all->add(std::make_unique<With<FuseStage, NoConfig>>(NoConfig{}));
    for (const auto& [from, to] : kSplitEnglish)
        all->add(std::make_unique<With<ReplaceStringStage, ReplaceConfig>>(
            ReplaceConfig{Pattern(std::string(from)), std::string(to)}));
    return all;
}

} // namespace weft::detail::text
