// SPDX-License-Identifier: Apache-2.0
// L4: the short form of a schedule file: a decoder without a list of stages. Its "width", "streams" and "layers" are
// those of the stage "decoder"; its "embedding" and "head" become the block before the layers and the stage "head".
#pragma once
#include "base/json.hpp"
#include <string>

namespace weft::detail {

bool is_short_form(const Json& schedule);
/// The same schedule with stages. What cannot be right stays as it is, for the reader to refuse.
Json long_form_of(const Json& short_form);
/// Where the short form has what the long one has at `path`, which is a path of keys, or with dots alone the name of a
/// weight; so that errors and names are those of the file.
std::string short_path_of(std::string path);

} // namespace weft::detail
