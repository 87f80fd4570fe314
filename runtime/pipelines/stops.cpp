// SPDX-License-Identifier: Apache-2.0
#include "pipelines/stops.hpp"

namespace weft::detail {

Result<Stops> Stops::create(const std::vector<std::string>& strings, const Tokenizer& tokenizer) {
    std::vector<std::string> texts;
    std::vector<std::pair<uint32_t, std::string>> tokens;
    for (const std::string& stop : strings) {
        if (stop.empty()) return Error{ErrorCode::invalid_argument, "a stop string must not be empty", {}};
        if (const auto id = tokenizer.id_of(stop); id && tokenizer.is_special(*id)) tokens.emplace_back(*id, stop);
        else texts.push_back(stop);
    }
    Stops made(std::move(texts));
    made.tokens_ = std::move(tokens);
    return made;
}

bool Stops::is_stop(uint32_t id) {
    for (const auto& [token, name] : tokens_)
        if (token == id) found_ = name;
    return found_.has_value();
}

std::string Stops::push(std::string_view text) {
    if (found_) return {};
    scanner_.push(text);
    auto found = scanner_.next();
    if (found.phrase) found_ = strings_[*found.phrase];
    return std::move(found.before);
}

} // namespace weft::detail
