// SPDX-License-Identifier: Apache-2.0
// Options that are numbers: read as digits and held against their range before anything else is done.
#pragma once
#include "command.hpp"
#include <cfloat>
#include <charconv>
#include <climits>
#include <type_traits>

namespace app {

inline constexpr uint32_t kMostTokens = INT_MAX; ///< of a sequence, as of any size in a model's files

/// The rule that a number from `least` to `most` keeps, in words.
template <class Number>
std::string range_text(Number least, Number most) {
    if constexpr (std::is_integral_v<Number>)
        return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    const auto text = [](double v) {
        char digits[32];
        return std::string(digits, std::to_chars(digits, digits + sizeof digits, v).ptr);
    };
    return "a number " + (most < FLT_MAX ? "from " + text(least) + " to " + text(most) : "of at least " + text(least));
}

/// Adds an option that sets `to`, a number or an optional one. What is no number, or none from `least` to `most`, ends
/// the program as wrong use: the message names the option, the rule (range_text() unless given) and the value.
template <class Number, class To>
CLI::Option* add_number(CLI::App& app, const std::string& name, To& to, const std::string& description,
                        std::type_identity_t<Number> least, std::type_identity_t<Number> most, std::string rule = {}) {
    if (rule.empty()) rule = range_text<Number>(least, most);
    const auto set = [&to, name, least, most, rule](const std::string& given) {
        const char* const end = given.data() + given.size();
        Number value{};
        const auto [stop, error] = std::from_chars(given.data(), end, value);
        if (error != std::errc() || stop != end || !(value >= least && value <= most))
            throw CLI::ValidationError(name, "must be " + rule + ", is '" + given + "'");
        to = value;
    };
    return app.add_option_function<std::string>(name, set, description)
        ->type_name(std::is_integral_v<Number> ? "COUNT" : "NUMBER");
}

} // namespace app
