// SPDX-License-Identifier: Apache-2.0
// L5: time series as CSV.
#include "base/file.hpp"
#include "base/result.hpp"
#include "io/tensor_view.hpp"
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <weft/series.hpp>

namespace weft::detail {
namespace {

std::string_view without_blanks(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
    return s;
}

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [&](std::string_view word) {
        return std::ranges::equal(text, word, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
    });
}

bool is_missing(std::string_view field) { return field.empty() || one_of(field, {"na", "n/a", "nan", "null"}); }

// Infinite where f32 cannot hold it.
std::optional<float> number(std::string_view field) {
    if (field.size() > 1 && field[0] == '+' && field[1] != '-') field.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (end != field.data() + field.size() || error == std::errc::invalid_argument) return std::nullopt;
    const bool held = error == std::errc() && std::abs(value) <= double(std::numeric_limits<float>::max());
    return held ? float(value) : std::numeric_limits<float>::infinity();
}

bool is_value(std::string_view field) { return is_missing(field) || number(field); }

// A number but for its decimals.
bool has_decimal_comma(std::string field) {
    const size_t at = field.find(',');
    if (at == field.npos) return false;
    field[at] = '.';
    return number(field).has_value();
}

class CsvReader {
public:
    CsvReader(std::string_view text, const std::string& name) : rest_(text), series_{.name = name} {}

    Result<Series> run() {
        if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
        weft_TRY(next());
        if (fields_.empty()) return bad("has no lines");
        width_ = fields_.size();
        const std::vector<std::string> first = fields_;
        const size_t from = width_ > 1 ? 1 : 0;
        series_.header = std::ranges::any_of(first.begin() + long(from), first.end(),
                                             [](const std::string& field) { return !is_value(field); });
        if (series_.header) {
            weft_TRY(next());
            if (fields_.empty()) return bad("has a header and no values");
        }
        skipped_ = width_ > 1 && ((!is_value(fields_[0]) && !has_decimal_comma(fields_[0])) ||
                                  (series_.header && one_of(first[0], {"date", "time", "datetime", "timestamp"})));
        for (size_t i = skipped_; i < width_; ++i)
            series_.channels.push_back(series_.header ? first[i] : std::to_string(i - skipped_ + 1));
        for (; !fields_.empty();) {
            weft_TRY(take());
            weft_TRY(next());
        }
        return std::move(series_);
    }

private:
    Error bad(const std::string& what) const {
        return {ErrorCode::malformed, (series_.name.empty() ? "the series" : series_.name) + ": " + what, {}};
    }
    std::string here() const { return "line " + std::to_string(line_); }

    // The fields of the next line that is not blank; none at the end.
    Status next() {
        fields_.clear();
        while (!rest_.empty() && fields_.empty()) {
            ++line_;
            const size_t end = std::min(rest_.find('\n'), rest_.size());
            std::string_view line = rest_.substr(0, end);
            rest_.remove_prefix(std::min(end + 1, rest_.size()));
            if (line.ends_with('\r')) line.remove_suffix(1);
            if (without_blanks(line).empty() && !(delimiter_ == '\t' && !line.empty())) continue;
            if (!delimiter_) delimiter_ = series_.delimiter = delimiter_of(line);
            weft_TRY(split(line));
        }
        if (width_ && !fields_.empty() && fields_.size() != width_)
            return bad(here() + " has " + std::to_string(fields_.size()) + " columns, the first has " +
                       std::to_string(width_));
        return Ok{};
    }
    static char delimiter_of(std::string_view line) {
        for (const char c : {';', '\t'})
            if (line.find(c) != line.npos) return c;
        return ',';
    }

    Status split(std::string_view line) {
        for (bool more = true; more;) {
            std::string field;
            std::string_view start = line;
            while (!start.empty() && start[0] == ' ') start.remove_prefix(1);
            if (start.starts_with('"')) {
                line = start.substr(1);
                for (;; line.remove_prefix(1)) {
                    if (line.empty()) return bad(here() + " has a quotation mark that is not closed");
                    if (line[0] == '"') {
                        line.remove_prefix(1);
                        if (!line.starts_with('"')) break;
                    }
                    field += line[0];
                }
                const size_t end = std::min(line.find(delimiter_), line.size());
                if (!without_blanks(line.substr(0, end)).empty())
                    return bad(here() + " has text behind a quotation mark");
                line.remove_prefix(end);
            } else {
                const size_t end = std::min(line.find(delimiter_), line.size());
                field = without_blanks(line.substr(0, end));
                line.remove_prefix(end);
            }
            fields_.push_back(std::move(field));
            more = !line.empty();
            if (more) line.remove_prefix(1);
        }
        return Ok{};
    }

    // A line of values.
    Status take() {
        for (size_t i = skipped_; i < width_; ++i) {
            const std::string& field = fields_[i];
            if (is_missing(field)) {
                series_.values.push_back(std::numeric_limits<float>::quiet_NaN());
                continue;
            }
            const auto value = number(field);
            if (value && std::isfinite(*value)) {
                series_.values.push_back(*value);
                continue;
            }
            const std::string column =
                std::to_string(i + 1) + (series_.header ? " (" + series_.channels[i - skipped_] + ")" : "");
            return bad(here() + ", column " + column + ": " + in_quotes(field) +
                       (value                      ? " is no number that 32 bits hold"
                        : has_decimal_comma(field) ? " is no number: decimals stand behind a point"
                                                   : " is no number"));
        }
        return Ok{};
    }

    std::string_view rest_;
    Series series_;
    std::vector<std::string> fields_; // of the line
    size_t line_ = 0, width_ = 0, skipped_ = 0;
    char delimiter_ = 0;
};

std::string quoted(const std::string& field, char delimiter) {
    if (field.find_first_of(std::string("\"\r\n ") + delimiter) == field.npos) return field;
    std::string s = "\"";
    for (const char c : field) s += c == '"' ? "\"\"" : std::string(1, c);
    return s + "\"";
}

} // namespace
} // namespace weft::detail

namespace weft {
using namespace detail;

Result<Series> Series::load(const std::filesystem::path& path) try {
    weft_ASSIGN(const std::string text, read_file(path));
    return parse(text, path.string());
}
weft_CATCH

Result<Series> Series::parse(std::string_view text, const std::string& name) try { return CsvReader(text, name).run(); }
weft_CATCH

std::string Series::csv(const std::vector<float>& rows) const {
    std::string s;
    const auto add = [&](size_t column, const std::string& field) {
        s += field;
        s += column + 1 < channels.size() ? delimiter : '\n';
    };
    for (size_t i = 0; header && i < channels.size(); ++i) add(i, quoted(channels[i], delimiter));
    for (size_t i = 0; i < rows.size(); ++i) {
        char text[32];
        const auto end = std::to_chars(text, text + sizeof text, rows[i]).ptr;
        add(i % channels.size(), std::isnan(rows[i]) ? "" : std::string(text, end));
    }
    return s;
}

} // namespace weft
