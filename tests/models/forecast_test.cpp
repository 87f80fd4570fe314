// SPDX-License-Identifier: Apache-2.0
// Forecaster: a model's whole way from a series to how it goes on, beside the recorded cases of its schedule.
#include "device.hpp"
#include "io/safetensors.hpp"
#include "schedules.hpp"
#include <catch2/catch_all.hpp>
#include <cmath>
#include <limits>
#include <weft/forecast.hpp>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;
using Catch::Matchers::ContainsSubstring;

namespace {

std::filesystem::path forecasting(const std::string& name) { return repository() / "tests/goldens/models" / name; }

Forecaster forecaster(const std::string& name) {
    auto model = Forecaster::load(test::device(), forecasting(name));
    if (!model) FAIL(model.error().text());
    return std::move(*model);
}

struct RecordedSeries {
    Series series;
    std::vector<float> forecast;
};
// The first of the recorded series, after `before` rows that do not count.
RecordedSeries recorded_series(const std::string& name, const Forecaster& model, size_t before) {
    const auto file = SafetensorsFile::open(forecasting(name) / "io.safetensors");
    REQUIRE(file);
    const auto values = *read_f32(*file->find("input.past_values"));
    const auto all = *read_f32(*file->find("output.prediction"));
    const size_t channels = model.channels(), count = model.context() * channels;
    RecordedSeries r{{.name = "s", .values = std::vector<float>(before * channels, 1e6f)}, {}};
    for (size_t c = 0; c < channels; ++c) r.series.channels.push_back("c" + std::to_string(c));
    r.series.values.insert(r.series.values.end(), values.begin(), values.begin() + long(count));
    if (const TensorView* mask = file->find("input.past_observed_mask")) {
        const auto seen = *read_i64(*mask);
        for (size_t i = 0; i < count; ++i)
            if (!seen[i]) r.series.values[before * channels + i] = std::numeric_limits<float>::quiet_NaN();
    }
    r.forecast.assign(all.begin(), all.begin() + long(model.length() * channels));
    return r;
}

} // namespace

TEST_CASE("forecast: the last rows of a series go on as recorded") {
    auto model = forecaster("patchtst-apart");
    CHECK(model.channels() == 3);
    CHECK(model.context() == 43);
    CHECK(model.length() == 7);
    CHECK(model.architecture() == "patchtst");
    for (const size_t before : {0, 5}) {
        const auto [series, wanted] = recorded_series("patchtst-apart", model, before);
        const auto forecast = model.forecast(series);
        REQUIRE(forecast);
        REQUIRE(forecast->size() == wanted.size());
        for (size_t i = 0; i < wanted.size(); ++i) CHECK(std::abs((*forecast)[i] - wanted[i]) <= 4e-4);
        CHECK(*model.forecast(series) == *forecast);
    }
}

TEST_CASE("forecast: missing values change the forecast, and none makes it NaN") {
    auto model = forecaster("patchtst-apart");
    auto [series, wanted] = recorded_series("patchtst-apart", model, 0);
    const auto whole = *model.forecast(series);
    for (size_t i = 0; i < series.values.size(); i += 3) // all of the first channel
        series.values[i] = std::numeric_limits<float>::quiet_NaN();
    const auto forecast = model.forecast(series);
    REQUIRE(forecast);
    CHECK(*forecast != whole);
}

TEST_CASE("forecast: a series that does not fit the model is refused with what is wrong") {
    auto model = forecaster("patchtst-apart");
    const auto [series, wanted] = recorded_series("patchtst-apart", model, 0);
    const auto refused = [&](const Series& s) {
        const auto forecast = model.forecast(s);
        REQUIRE_FALSE(forecast);
        CHECK(forecast.error().code == ErrorCode::invalid_argument);
        return forecast.error().message;
    };
    Series fewer = series;
    fewer.values.resize(fewer.values.size() - 3);
    CHECK(refused(fewer) == "s: has 42 rows of values; the model reads 43");
    Series narrow{.name = "n", .channels = {"a"}, .values = std::vector<float>(100)};
    CHECK(refused(narrow) == "n: has 1 channel; the model takes 3");
    Series ragged = series;
    ragged.values.pop_back();
    CHECK(refused(ragged) == "s: has no whole rows of values");
    Series infinite = series;
    infinite.values[4] = std::numeric_limits<float>::infinity();
    CHECK(refused(infinite) == "s: row 2 of c1 is infinite");
}

TEST_CASE("forecast: models that forecast nothing say so") {
    const auto refused = [&](const char* name) {
        const auto model = Forecaster::load(test::device(), forecasting(name));
        REQUIRE_FALSE(model);
        CHECK(model.error().code == ErrorCode::unsupported);
        return model.error().message;
    };
    CHECK(refused("vit") == "vit reads no time series");
    CHECK(refused("patchtst-class") == "patchtst has no head for forecasts here");
    CHECK(refused("patchtst-model") == "patchtst has no head for forecasts here");
}
