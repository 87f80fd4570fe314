// SPDX-License-Identifier: Apache-2.0
// L0: HTML in text, for the filters escape, striptags, urlize and their like.
#pragma once
#include <string>
#include <string_view>

namespace weft::detail::jinja {

/// & < > " ' as entities.
std::string escaped(std::string_view text);
/// Without tags and comments, entities as what they mean, white space as single blanks.
std::string without_tags(std::string_view text);

} // namespace weft::detail::jinja
