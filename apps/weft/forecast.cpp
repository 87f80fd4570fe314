// SPDX-License-Identifier: Apache-2.0
// weft forecast: how time series go on.
#include "files.hpp"
#include "plot.hpp"
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

namespace app {
namespace {

constexpr size_t kMostPanels = 12;

struct ForecastFlags {
    std::string model, series, plot;
    bool json = false;
    weft::WeightType dtype = weft::WeightType::stored;
    DeviceFlags device;
};

weft::Result<weft::Series> read_series(const std::string& path) {
    if (path != "-") return weft::Series::load(path);
    const auto text = read_input();
    if (!text) return text.error();
    return weft::Series::parse(*text, "standard input");
}

// A panel for each of the first channels: what the model read, and what it makes of it.
Plot plot_of(const weft::Series& series, const weft::Forecaster& model, const std::vector<float>& forecast) {
    const size_t channels = model.channels(), shown = std::min(channels, kMostPanels), context = model.context();
    Plot plot{.title = std::filesystem::path(series.name).filename().string(), .columns = shown > 1 ? 2u : 1u};
    plot.panel_width = shown > 1 ? 460 : 760;
    plot.panel_height = shown > 1 ? 230 : 360;
    const float* const history = series.values.data() + (series.rows() - context) * channels;
    for (size_t c = 0; c < shown; ++c) {
        PlotSeries before{.name = "history"}, after{.name = "forecast"};
        for (size_t t = 0; t < context; ++t) {
            before.x.push_back(double(t) - double(context - 1));
            before.y.push_back(double(history[t * channels + c]));
        }
        after.x.push_back(0); // both meet
        after.y.push_back(before.y.back());
        for (size_t t = 0; t < model.length(); ++t) {
            after.x.push_back(double(t + 1));
            after.y.push_back(double(forecast[t * channels + c]));
        }
        PlotPanel panel{.title = series.header ? series.channels[c] : "channel " + series.channels[c]};
        if (c + 2 >= shown) panel.x.title = "rows from the last one";
        panel.series = {std::move(before), std::move(after)};
        panel.mark = 0;
        plot.panels.push_back(std::move(panel));
    }
    return plot;
}

void print_json(const weft::Series& series, const std::vector<float>& forecast) {
    auto rows = nlohmann::json::array();
    const size_t channels = series.channels.size();
    for (size_t i = 0; i < forecast.size(); i += channels)
        rows.push_back(std::vector<float>(forecast.begin() + long(i), forecast.begin() + long(i + channels)));
    const nlohmann::json all{{"series", series.name}, {"channels", series.channels}, {"forecast", rows}};
    std::cout << all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

int run(const ForecastFlags& f) {
    const auto series = read_series(f.series);
    if (!series) return fail(series.error());
    auto device = f.device.open();
    if (!device) return fail(device.error());
    auto model = weft::Forecaster::load(*device, f.model, {f.dtype, progress_bar()});
    if (!model) return fail(model.error());
    end_progress();
    print_warnings(model->warnings());
    const auto forecast = model->forecast(*series);
    if (!forecast) return fail(forecast.error());
    if (!f.plot.empty()) {
        const auto written = write_file(f.plot, plot_svg(plot_of(*series, *model, *forecast)));
        if (!written) return fail(written.error());
        if (model->channels() > kMostPanels)
            print_warnings({f.plot + ": shows the first " + std::to_string(kMostPanels) + " of " +
                            std::to_string(model->channels()) + " channels"});
    }
    if (f.json) print_json(*series, *forecast);
    else std::cout << series->csv(*forecast);
    return kDone;
}

} // namespace

Command add_forecast(CLI::App& root) {
    auto f = std::make_shared<ForecastFlags>();
    CLI::App* app = root.add_subcommand("forecast", "How time series go on: CSV in, CSV out");
    app->add_option("series", f->series, "CSV file whose columns are channels and lines times; '-': standard input")
        ->required();
    app->add_option("--model", f->model, "Model directory")->required();
    app->add_option("--plot", f->plot, "Draw history and forecast into this SVG file");
    app->add_flag("--json", f->json, "JSON in place of CSV: channels, and rows of the forecast");
    add_dtype(*app, f->dtype);
    f->device.add(*app);
    return {app, [f] { return run(*f); }};
}

} // namespace app
