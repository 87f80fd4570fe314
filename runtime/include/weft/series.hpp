// SPDX-License-Identifier: Apache-2.0
// Public: time series, from files and from memory.
#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>
#include <weft/error.hpp>
#include <weft/export.hpp>

namespace weft {

/// Values of some channels, one row for each time.
struct Series {
    std::string name;                  ///< of its file, for messages; may be empty
    std::vector<std::string> channels; ///< by the names that the file's header has, or by their numbers
    std::vector<float> values;         ///< [rows, channels]; NaN where one is missing
    char delimiter = ',';              ///< of the file
    bool header = true;                ///< the file has one

    size_t rows() const { return channels.empty() ? 0 : values.size() / channels.size(); }

    /// Reads a CSV file (RFC 4180, UTF-8): columns are channels, lines are times. The delimiter is the first of a
    /// semicolon, a tab and a comma that the first line has. That line is a header if behind its first field there is
    /// one, or it alone is, that is neither a number nor missing. A first column of dates, or one called date, time,
    /// datetime or timestamp, is left out. Numbers have a decimal point; an empty field, NA, NaN and null are missing
    /// values. Fails (malformed), naming line and column, on anything else, on lines that are shorter or longer than
    /// the first, and where there are no values. Any thread.
    static weft_API Result<Series> load(const std::filesystem::path& path);
    /// The same of a file's text.
    static weft_API Result<Series> parse(std::string_view text, const std::string& name);
    /// Lines of a file with its channels, its delimiter and, if it has one, its header, for these values [rows,
    /// channels].
    weft_API std::string csv(const std::vector<float>& rows) const;
};

} // namespace weft
