// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a CSV file: what is accepted has whole rows of finite or missing values, and is the same
// when it is written and read again.
#include "base/check.hpp"
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <weft/series.hpp>

using namespace weft;
using namespace weft::detail;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto series = Series::parse({reinterpret_cast<const char*>(data), size}, "s.csv");
    if (!series) {
        weft_CHECK(series.error().message.starts_with("s.csv: "), "a message names the file");
        return 0;
    }
    const size_t channels = series->channels.size();
    weft_CHECK(channels > 0 && series->rows() > 0 && series->values.size() == series->rows() * channels,
               "rows are whole");
    for (const float v : series->values) weft_CHECK(!std::isinf(v), "values are finite or missing");
    if (channels == 1) return 0; // a blank line is no missing value
    Series plain = *series;      // names may be numbers, too
    plain.header = false;
    const auto again = Series::parse(plain.csv(plain.values), "s.csv");
    if (!again || again->values.size() != plain.values.size()) return 0; // the first row may be taken for names
    for (size_t i = 0; i < plain.values.size(); ++i)
        weft_CHECK(again->values[i] == plain.values[i] || (std::isnan(again->values[i]) && std::isnan(plain.values[i])),
                   "numbers are written exactly");
    return 0;
}
