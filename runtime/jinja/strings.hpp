// SPDX-License-Identifier: Apache-2.0
// L0: what Python's text functions know of characters and of searching. Text is valid UTF-8; offsets are in bytes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail::jinja {

bool is_space(char32_t c);     ///< str.isspace(): white space and the separators U+001C to U+001F
bool is_printable(char32_t c); ///< str.isprintable()
bool is_line_end(char32_t c);  ///< what str.splitlines() ends a line at
bool is_letter(char32_t c);    ///< str.isalpha()
bool is_decimal(char32_t c);   ///< str.isdecimal()
bool is_digit(char32_t c);     ///< str.isdigit(): decimals, and superscripts and their like
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_title(char32_t c); ///< letters of title case, as U+01C5
/// The value of a decimal digit of any script, or -1.
int digit_value(char32_t c);

/// The bytes of white space that `text` begins or ends with.
size_t leading_space(std::string_view text);
size_t trailing_space(std::string_view text);
std::string_view stripped(std::string_view text);

/// Where `what` begins in `in`, from `from` on, or npos. Linear whatever both are.
size_t find_text(std::string_view in, std::string_view what, size_t from = 0);
/// The last place where it begins.
size_t rfind_text(std::string_view in, std::string_view what);
/// How often it is there, side by side.
size_t count_text(std::string_view in, std::string_view what);

/// The lines of a text, without their ends unless `keep_ends`.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends = false);

std::string upper_case(std::string_view text);
std::string lower_case(std::string_view text);
std::string capitalized(std::string_view text);
std::string title_case(std::string_view text);
std::string swapped_case(std::string_view text);
std::string folded_case(std::string_view text);

} // namespace weft::detail::jinja
