// SPDX-License-Identifier: Apache-2.0
#include "pipelines/shown_pictures.hpp"
#include <algorithm>
#include <charconv>

namespace weft::detail {
namespace {

constexpr std::string_view kOpen = "\xEF\xB7\x90", kClose = "\xEF\xB7\x91"; // U+FDD0, U+FDD1: no characters

uint64_t hash_of(std::span<const uint8_t> bytes) { // FNV-1a
    uint64_t hash = 0xcbf29ce484222325;
    for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
    return hash;
}

} // namespace

Result<uint32_t> ShownPictures::number_of(const Picture& p) {
    const uint64_t hash = hash_of(p.pixels);
    const auto at = std::ranges::find_if(all_, [&](const Shown& s) { return s.is(p, hash); });
    if (at != all_.end()) return uint32_t(at - all_.begin());
    weft_ASSIGN(const SeenPicture seen, seen_picture(model_, p, true));
    all_.push_back({hash, p.height, p.width, seen.rows, seen.pieces});
    return uint32_t(all_.size() - 1);
}

Result<std::string> ShownPictures::tell(std::string text, std::span<const Picture* const> pictures) {
    if (pictures.empty()) return text;
    std::vector<uint32_t> numbers;
    for (const Picture* picture : pictures) {
        weft_ASSIGN(const uint32_t number, number_of(*picture));
        numbers.push_back(number);
    }
    return with_pictures(model_.reading->text, std::move(text), numbers.size(), [&](size_t i) {
        return std::string(kOpen) + std::to_string(numbers[i]) + std::string(kClose);
    });
}

Result<std::vector<uint32_t>> ShownPictures::encode(std::string_view text) const {
    std::string whole;
    std::vector<uint32_t> numbers; // of the pictures in it
    for (size_t at; (at = text.find(kOpen)) != text.npos;) {
        uint32_t number = 0;
        const char* const digits = text.data() + at + kOpen.size();
        const auto [end, failed] = std::from_chars(digits, text.data() + text.size(), number);
        const std::string_view rest = text.substr(size_t(end - text.data()));
        if (failed != std::errc() || number >= all_.size() || !rest.starts_with(kClose)) { // somebody wrote it
            whole += text.substr(0, at + kOpen.size());
            text.remove_prefix(at + kOpen.size());
            continue;
        }
        whole += text.substr(0, at);
        whole += written(model_.reading->text, all_[number].rows, all_[number].pieces);
        numbers.push_back(number);
        text = rest.substr(kClose.size());
    }
    whole += text;
    weft_ASSIGN(std::vector<uint32_t> tokens, model_.tokenizer->encode(whole, false));
    size_t at = 0;
    for (const uint32_t number : numbers)
        for (uint32_t left = all_[number].rows.count() * all_[number].pieces.count(); left; ++at) {
            if (at == tokens.size()) return not_a_placeholder(*model_.reading);
            if (tokens[at] != model_.reading->placeholder) continue;
            tokens[at] = kFirst + number;
            --left;
        }
    return tokens;
}

uint32_t ShownPictures::pieces_of(const Picture& p) const {
    const uint64_t hash = hash_of(p.pixels);
    return std::ranges::find_if(all_, [&](const Shown& s) { return s.is(p, hash); })->pieces.count();
}

std::vector<uint32_t> ShownPictures::as_fed(std::vector<uint32_t> tokens) const {
    for (uint32_t& token : tokens)
        if (is_row(token)) token = model_.reading->placeholder;
    return tokens;
}

std::vector<size_t> ShownPictures::begins(std::span<const uint32_t> tokens) const {
    std::vector<size_t> all;
    for (size_t at = 0; at < tokens.size(); ++at) {
        if (!is_row(tokens[at])) continue;
        all.push_back(at);
        for (uint32_t left = all_[tokens[at] - kFirst].rows.count() - 1; left && at + 1 < tokens.size();)
            left -= is_row(tokens[++at]);
    }
    return all;
}

} // namespace weft::detail
