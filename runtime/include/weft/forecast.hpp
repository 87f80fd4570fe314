// SPDX-License-Identifier: Apache-2.0
// Public: how time series go on.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>
#include <weft/device.hpp>
#include <weft/progress.hpp>
#include <weft/series.hpp>

namespace weft {

struct ForecasterOptions {
    WeightType dtype = WeightType::stored;
    ProgressFunction progress; ///< stage load
};

namespace detail {
class ForecasterState;
}

/// A model that continues time series. Move-only; one thread at a time; keeps the device open.
class weft_API Forecaster {
public:
    /// `path`: a Hugging Face directory of a model with a head for forecasts (PatchTSTForPrediction). Fails
    /// (unsupported) for others.
    static Result<Forecaster> load(const Device& device, const std::filesystem::path& path,
                                   const ForecasterOptions& options = {});
    Forecaster(Forecaster&&) noexcept;
    Forecaster& operator=(Forecaster&&) noexcept;
    ~Forecaster();

    /// The rows that follow the last one of `series`: f32 [length(), channels()]; of a distribution its mean. The last
    /// context() rows are read. A missing value counts as one that was not observed: as 0, but not for what its channel
    /// is scaled by. Fails (invalid_argument) on another number of channels, on fewer rows, and on values that are
    /// infinite, with their place; and (not_finite) where a result is NaN or infinite.
    Result<std::vector<float>> forecast(const Series& series);

    uint32_t channels() const;
    uint32_t context() const; ///< rows that are read
    uint32_t length() const;  ///< rows of a forecast
    std::string architecture() const;
    const std::vector<std::string>& warnings() const;

private:
    explicit Forecaster(std::unique_ptr<detail::ForecasterState> state);
    std::unique_ptr<detail::ForecasterState> state_;
};

} // namespace weft
