// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/bert_normalizer.hpp"
#include "text/tokenizer/part.hpp"

namespace weft::detail::text {
namespace {

bool is_line_space(char32_t c) { return c == '\t' || c == '\n' || c == '\r'; }

class BertNormalizer final : public Normalizer {
public:
    explicit BertNormalizer(const BertNormalizerConfig& config) : config_(config) {}

    Status apply(NormalText& text) const override {
        if (config_.clean_text) {
            map_characters(text, [](std::string& out, char32_t c) {
                if (c == 0 || c == 0xfffd || (is_other(c) && !is_line_space(c))) return;
                append_code_point(out, is_white_space(c) ? U' ' : c);
            });
        }
        if (config_.handle_chinese_chars) {
            map_characters(text, [](std::string& out, char32_t c) {
                const bool apart = is_cjk(c);
                if (apart) out += ' ';
                append_code_point(out, c);
                if (apart) out += ' ';
            });
        }
        if (config_.strip_accents) {
            to_form(text, NormalForm::d);
            map_characters(text, [](std::string& out, char32_t c) {
                if (!is_nonspacing_mark(c)) append_code_point(out, c);
            });
        }
        if (config_.lowercase) map_characters(text, append_lower);
        return Ok{};
    }

private:
    BertNormalizerConfig config_;
};

} // namespace

std::unique_ptr<Normalizer> make_bert_normalizer(const BertNormalizerConfig& config) {
    return std::make_unique<BertNormalizer>(config);
}

Result<std::unique_ptr<Normalizer>> read_bert_normalizer(const PartReader& part) {
    BertNormalizerConfig config;
    weft_ASSIGN(config.clean_text, part.boolean_or("clean_text", true));
    weft_ASSIGN(config.handle_chinese_chars, part.boolean_or("handle_chinese_chars", true));
    weft_ASSIGN(config.lowercase, part.boolean_or("lowercase", true));
    weft_ASSIGN(config.strip_accents, part.boolean_or("strip_accents", config.lowercase));
    return make_bert_normalizer(config);
}

} // namespace weft::detail::text
