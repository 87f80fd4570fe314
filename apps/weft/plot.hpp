// SPDX-License-Identifier: Apache-2.0
// Lines over axes as SVG, told apart by dashes and markers as well as by colour.
#pragma once
#include <limits>
#include <string>
#include <vector>

namespace app {

struct PlotSeries {
    std::string name; ///< in the legend; series of one name look the same in all panels; empty: not in the legend
    std::vector<double> x, y; ///< of the same length; the line breaks where a number is not finite, or not above 0 on a
                              ///< logarithmic axis
    bool markers = false;     ///< at its points
};

struct PlotAxis {
    std::string title = {};
    bool logarithmic = false;
    std::vector<double> ticks = {}; ///< empty: round numbers
};

struct PlotPanel {
    std::string title = {};
    PlotAxis x, y;
    std::vector<PlotSeries> series;
    double mark = std::numeric_limits<double>::quiet_NaN(); ///< where a line from top to bottom divides it
};

struct Plot {
    std::string title = {};
    std::vector<PlotPanel> panels;
    unsigned columns = 1;                         ///< panels side by side
    double panel_width = 640, panel_height = 360; ///< in pixels, with their labels
};

/// The picture as a file's text, on white. There are six looks of series.
std::string plot_svg(const Plot& plot);

} // namespace app
