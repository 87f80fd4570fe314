// SPDX-License-Identifier: Apache-2.0
// A table as SVG, on logarithmic axes: plot_table TITLE Y_TITLE < TABLE. The first line names the column of x and a
// series for each further column; the others are numbers, or - where there is none. Columns are parted by tabs.
#include "plot.hpp"
#include <cstdio>
#include <iostream>
#include <limits>
#include <sstream>

namespace {

std::vector<std::string> cells_of(const std::string& line) {
    std::vector<std::string> cells;
    std::istringstream text(line);
    for (std::string cell; std::getline(text, cell, '\t');) cells.push_back(cell);
    return cells;
}

} // namespace

int main(int argc, char** argv) {
    std::string line;
    if (argc != 3 || !std::getline(std::cin, line)) {
        std::fputs("plot_table TITLE Y_TITLE < TABLE\n", stderr);
        return 2;
    }
    const auto names = cells_of(line);
    app::PlotPanel panel{.title = argv[1], .x = {.logarithmic = true}, .y = {argv[2], true}};
    if (!names.empty()) panel.x.title = names[0];
    for (size_t i = 1; i < names.size(); ++i) panel.series.push_back({.name = names[i], .markers = true});
    while (std::getline(std::cin, line)) {
        const auto cells = cells_of(line);
        if (cells.size() != names.size()) {
            std::fprintf(stderr, "plot_table: a line of %zu columns, the first has %zu\n", cells.size(), names.size());
            return 2;
        }
        const auto number = [](const std::string& cell) {
            char* end = nullptr;
            const double value = std::strtod(cell.c_str(), &end);
            return end == cell.c_str() ? std::numeric_limits<double>::quiet_NaN() : value;
        };
        panel.x.ticks.push_back(number(cells[0]));
        for (size_t i = 1; i < cells.size(); ++i) {
            panel.series[i - 1].x.push_back(number(cells[0]));
            panel.series[i - 1].y.push_back(number(cells[i]));
        }
    }
    std::cout << app::plot_svg({.panels = {panel}});
    return std::cout.good() ? 0 : 1;
}
