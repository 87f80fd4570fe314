// SPDX-License-Identifier: Apache-2.0
// L6: Forecaster: time series, and how they go on.
#include "base/access.hpp"
#include "layers/series.hpp"
#include "models/architecture.hpp"
#include "pipelines/load.hpp"
#include "schedule/compose.hpp"
#include "schedule/session.hpp"
#include <algorithm>
#include <cmath>
#include <weft/forecast.hpp>

namespace weft::detail {
namespace {

constexpr const char* kForecast = "prediction"; // the output

Status make_forecasting(Schedule& s) {
    const bool series =
        std::ranges::any_of(s.inputs, [](const Input& input) { return input.pictures() && input.grid.series(); });
    if (!series) return Error{ErrorCode::unsupported, s.architecture + " reads no time series", {}};
    const size_t i = output_of(s, kForecast);
    if (i == s.outputs.size())
        return Error{ErrorCode::unsupported, s.architecture + " has no head for forecasts here", {}};
    return only(s, Output(s.outputs[i]), s.architecture);
}

} // namespace

class ForecasterState {
public:
    Device device;
    std::shared_ptr<const LoadedModel> model;
    std::unique_ptr<Session> session;
    SeriesSpec takes;
    uint32_t length = 0;

    Status make_session() {
        const Schedule& s = model->schedule;
        for (const Block& block : s.stages[0].first)
            for (const Branch& branch : block.branches)
                if (const auto* spec = branch.op.as<SeriesSpec>()) takes = *spec;
        length = s.stages[s.outputs[0].stage].width_of(s.outputs[0].stream);
        const PatchGrid grid = takes.grid();
        SessionOptions o;
        o.context = grid.only_down * grid.only_across;
        o.max_chunk = uint32_t(
            std::min<uint64_t>(std::max<uint64_t>(16, room_for(s, {grid.only_down, grid.only_across})), UINT32_MAX));
        weft_ASSIGN(session, Session::create(model, o));
        return Ok{};
    }

    /// [2, context, channels]: the values, and which were observed.
    Result<std::vector<float>> input(const Series& series) const {
        const std::string name = series.name.empty() ? "the series" : series.name;
        const auto bad = [&](const std::string& what) {
            return Error{ErrorCode::invalid_argument, name + ": " + what, {}};
        };
        const size_t channels = series.channels.size(), rows = series.rows();
        const auto count = [](size_t n, const std::string& what) {
            return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
        };
        if (channels != takes.channels)
            return bad("has " + count(channels, "channel") + "; the model takes " + std::to_string(takes.channels));
        if (rows * channels != series.values.size()) return bad("has no whole rows of values");
        if (rows < takes.length)
            return bad("has " + count(rows, "row") + " of values; the model reads " + std::to_string(takes.length));
        const size_t first = (rows - takes.length) * channels;
        std::vector<float> values(series.values.begin() + long(first), series.values.end()), seen(values.size(), 1.0f);
        for (size_t i = 0; i < values.size(); ++i) {
            if (std::isinf(values[i]))
                return bad("row " + std::to_string((first + i) / channels + 1) + " of " +
                           series.channels[i % channels] + " is infinite");
            if (!std::isnan(values[i])) continue;
            values[i] = seen[i] = 0;
        }
        values.insert(values.end(), seen.begin(), seen.end());
        return values;
    }
};

} // namespace weft::detail

namespace weft {
using namespace detail;

Forecaster::Forecaster(std::unique_ptr<ForecasterState> state) : state_(std::move(state)) {}
Forecaster::Forecaster(Forecaster&&) noexcept = default;
Forecaster& Forecaster::operator=(Forecaster&&) noexcept = default;
Forecaster::~Forecaster() = default;

Result<Forecaster> Forecaster::load(const Device& device, const std::filesystem::path& path,
                                    const ForecasterOptions& options) try {
    auto s = std::make_unique<ForecasterState>(ForecasterState{.device = device});
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    weft_ASSIGN(Schedule fits, make_schedule(files)); // what forecasts nothing is said before its weights are read
    weft_TRY(make_forecasting(fits));
    weft_ASSIGN(s->model, load_model(Access::state(device), files, options.dtype, options.progress, make_forecasting));
    weft_TRY(s->make_session());
    return Forecaster(std::move(s));
}
weft_CATCH

Result<std::vector<float>> Forecaster::forecast(const Series& series) try {
    ForecasterState& s = *state_;
    weft_ASSIGN(const auto values, s.input(series));
    s.session->reset(0);
    const Feed feed{.slot = 0, .picture = {values, s.takes.length, s.takes.channels}};
    weft_TRY(s.session->forward({&feed, 1}, Want::nothing));
    weft_ASSIGN(const auto rows, s.session->output(kForecast));
    std::vector<float> all; // [length, channels], of [channels, length]
    for (uint32_t t = 0; t < s.length; ++t)
        for (uint32_t c = 0; c < s.takes.channels; ++c) all.push_back(rows[size_t(c) * s.length + t]);
    if (std::ranges::all_of(all, [](float x) { return std::isfinite(x); })) return all;
    return Error{ErrorCode::not_finite, "the model's results are not finite", {}};
}
weft_CATCH

uint32_t Forecaster::channels() const { return state_->takes.channels; }
uint32_t Forecaster::context() const { return state_->takes.length; }
uint32_t Forecaster::length() const { return state_->length; }
std::string Forecaster::architecture() const { return state_->model->schedule.architecture; }
const std::vector<std::string>& Forecaster::warnings() const { return state_->model->warnings; }

} // namespace weft
