// SPDX-License-Identifier: Apache-2.0
// Reading and writing what a user names, and the end of standard output.
#pragma once
#include "command.hpp"

namespace app {

/// --mmproj's help.
inline constexpr const char* kMmproj =
    "Of a GGUF file: the file with what sees pictures; left out: the only mmproj*.gguf in its folder";

/// The whole of a file. The error names it and says why.
weft::Result<std::string> read_file(const std::string& path);
/// The whole of standard input; an error (cancelled) if a signal ended it.
weft::Result<std::string> read_input();
/// Writes a file beside it first: what was there stays whole until the new one is.
weft::Status write_file(const std::string& path, const std::string& text);
/// `code`, or kFailed if something printed could not be written; says so unless the reader has gone away.
int finish_output(int code);

} // namespace app
