// SPDX-License-Identifier: Apache-2.0
#include "plot.hpp"
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace app {
namespace {

constexpr double kLeft = 64, kRight = 16, kTop = 30, kBottom = 44; // of a panel, around its frame
constexpr double kTitle = 30, kLegend = 26, kSample = 34, kLetter = 6.6;

// Their brightness falls apart too, and no two have the same dashes or markers.
struct Style {
    const char *colour, *dashes, *marker; // path of the marker around 0, 0
};
constexpr Style kStyles[] = {
    {"#000000", "", "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z"},
    {"#0072b2", "7 3", "M-3.2 -3.2h6.4v6.4h-6.4z"},
    {"#d55e00", "2 2.5", "M0 -4l4 7h-8z"},
    {"#6b8e9e", "9 3 2 3", "M0 -4.4l4.4 4.4l-4.4 4.4l-4.4 -4.4z"},
    {"#009e73", "14 4", "M-3.5 -3.5l7 7m0 -7l-7 7"},
    {"#8a8a8a", "5 2 1.5 2 1.5 2", "M0 -4v8m-4 -4h8"},
};

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.10g", value == 0 ? 0 : value);
    return text;
}
std::string pixels(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
}
std::string escaped(const std::string& text) {
    std::string s;
    for (const char c : text) switch (c) {
        case '&': s += "&amp;"; break;
        case '<': s += "&lt;"; break;
        case '>': s += "&gt;"; break;
        default: s += uint8_t(c) < 0x20 ? ' ' : c;
        }
    return s;
}
std::string text_at(double x, double y, const std::string& anchor, const std::string& text,
                    const std::string& more = "") {
    return "<text x=\"" + pixels(x) + "\" y=\"" + pixels(y) + "\" text-anchor=\"" + anchor + "\"" + more + ">" +
           escaped(text) + "</text>\n";
}
std::string line(double x0, double y0, double x1, double y1, const char* how) {
    return "<path d=\"M" + pixels(x0) + " " + pixels(y0) + "L" + pixels(x1) + " " + pixels(y1) + "\" " + how + "/>\n";
}

// Where numbers lie along a side.
class Scale {
public:
    Scale(const PlotAxis& axis, double from, double to) : axis_(axis), from_(from), to_(to) {}

    bool has(double value) const { return std::isfinite(value) && (!axis_.logarithmic || value > 0); }
    void take(double value) {
        if (!has(value)) return;
        low_ = std::min(low_, value);
        high_ = std::max(high_, value);
    }
    // Once all is taken: a range with a little room, and its ticks.
    void settle(bool room) {
        for (const double tick : axis_.ticks) take(tick);
        if (low_ > high_) { // nothing was taken
            low_ = axis_.logarithmic ? 1 : 0;
            high_ = axis_.logarithmic ? 10 : 1;
        }
        double low = scaled(low_), high = scaled(high_);
        const double all = high - low > 1e-12 * std::max(std::abs(low), std::abs(high)) ? high - low : 0;
        const double more = all > 0 ? (room ? all * 0.05 : 0) : std::max(std::abs(high) * 0.1, 0.5);
        low_scaled_ = low - more;
        high_scaled_ = high + more;
        ticks_ = axis_.ticks.empty() ? (axis_.logarithmic ? powers() : rounds()) : axis_.ticks;
    }
    double at(double value) const {
        return from_ + (to_ - from_) * (scaled(value) - low_scaled_) / (high_scaled_ - low_scaled_);
    }
    const std::vector<double>& ticks() const { return ticks_; }

private:
    double scaled(double value) const { return axis_.logarithmic ? std::log10(value) : value; }
    std::vector<double> rounds() const {
        const double apart = from_ > to_ ? 36 : 60, // of labels, one above or beside the other
            rough = (high_scaled_ - low_scaled_) / std::max(2.0, std::abs(to_ - from_) / apart),
                     power = std::pow(10, std::floor(std::log10(rough))), part = rough / power;
        const double step = power * (part > 5 ? 10 : part > 2 ? 5 : part > 1 ? 2 : 1);
        std::vector<double> all;
        for (double k = std::ceil(low_scaled_ / step); k * step <= high_scaled_; ++k) all.push_back(k * step);
        return all;
    }
    std::vector<double> powers() const {
        std::vector<double> all;
        const bool between = high_scaled_ - low_scaled_ < 3;
        for (double power = std::floor(low_scaled_); power <= high_scaled_; ++power)
            for (const double digit : {1.0, 2.0, 5.0}) {
                const double value = digit * std::pow(10, power), at = std::log10(value);
                if ((digit == 1 || between) && at >= low_scaled_ && at <= high_scaled_) all.push_back(value);
            }
        return all;
    }

    const PlotAxis& axis_;
    double from_, to_;
    double low_ = std::numeric_limits<double>::infinity(), high_ = -low_, low_scaled_ = 0, high_scaled_ = 1;
    std::vector<double> ticks_;
};

class Painter {
public:
    explicit Painter(const Plot& plot) : plot_(plot) {
        for (const PlotPanel& panel : plot.panels)
            for (const PlotSeries& series : panel.series)
                if (!series.name.empty() && std::ranges::find(names_, series.name) == names_.end())
                    names_.push_back(series.name);
    }

    std::string run() {
        const unsigned columns = std::max(1u, plot_.columns);
        const size_t rows = (plot_.panels.size() + columns - 1) / columns;
        const double top = (plot_.title.empty() ? 6 : kTitle) + (names_.size() > 1 ? kLegend : 0),
                     width = columns * plot_.panel_width, height = top + double(rows) * plot_.panel_height;
        std::string s = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) + "\" height=\"" +
                        number(height) + "\" viewBox=\"0 0 " + number(width) + " " + number(height) +
                        "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
                        "fill=\"#ffffff\"/>\n";
        if (!plot_.title.empty())
            s += text_at(width / 2, 21, "middle", plot_.title, " font-size=\"15\" font-weight=\"bold\"");
        if (names_.size() > 1) s += legend(width / 2, top - kLegend / 2);
        for (size_t i = 0; i < plot_.panels.size(); ++i)
            s += panel(plot_.panels[i], double(i % columns) * plot_.panel_width,
                       top + double(i / columns) * plot_.panel_height);
        return s + "</svg>\n";
    }

private:
    const Style& style_of(const std::string& name) const {
        const auto at = size_t(std::ranges::find(names_, name) - names_.begin());
        return kStyles[name.empty() ? 0 : at % std::size(kStyles)];
    }
    static std::string stroke(const Style& style) {
        return std::string("fill=\"none\" stroke-width=\"1.6\" stroke-linejoin=\"round\" stroke=\"") + style.colour +
               "\"" + (*style.dashes ? std::string(" stroke-dasharray=\"") + style.dashes + "\"" : "");
    }
    static std::string marker(const Style& style, double x, double y) {
        return "<path transform=\"translate(" + pixels(x) + " " + pixels(y) + ")\" d=\"" + style.marker +
               "\" stroke=\"" + style.colour + "\" stroke-width=\"1.4\" fill=\"" + style.colour + "\"/>\n";
    }
    bool has_markers(const std::string& name) const {
        return std::ranges::any_of(plot_.panels, [&](const PlotPanel& panel) {
            return std::ranges::any_of(panel.series, [&](const PlotSeries& s) { return s.name == name && s.markers; });
        });
    }

    std::string legend(double middle, double y) const {
        const auto width = [](const std::string& name) { return kSample + 6 + kLetter * double(name.size()) + 18; };
        double all = 0;
        for (const std::string& name : names_) all += width(name);
        std::string s;
        for (double x = middle - all / 2; const std::string& name : names_) {
            const Style& style = style_of(name);
            s += line(x, y, x + kSample, y, stroke(style).c_str());
            if (has_markers(name)) s += marker(style, x + kSample / 2, y);
            s += text_at(x + kSample + 6, y + 4, "start", name);
            x += width(name);
        }
        return s;
    }

    std::string panel(const PlotPanel& p, double left, double top) const {
        const double x0 = left + kLeft, x1 = left + plot_.panel_width - kRight, y0 = top + kTop,
                     y1 = top + plot_.panel_height - kBottom;
        Scale x(p.x, x0, x1), y(p.y, y1, y0);
        for (const PlotSeries& series : p.series)
            for (size_t i = 0; i < series.x.size(); ++i)
                if (x.has(series.x[i]) && y.has(series.y[i])) {
                    x.take(series.x[i]);
                    y.take(series.y[i]);
                }
        x.settle(std::ranges::any_of(p.series, &PlotSeries::markers));
        y.settle(true);
        std::string s = text_at((x0 + x1) / 2, top + 20, "middle", p.title, " font-size=\"13\"");
        for (const double tick : x.ticks()) {
            s += line(x.at(tick), y0, x.at(tick), y1, "stroke=\"#e4e4e4\"");
            s += text_at(x.at(tick), y1 + 16, "middle", number(tick));
        }
        for (const double tick : y.ticks()) {
            s += line(x0, y.at(tick), x1, y.at(tick), "stroke=\"#e4e4e4\"");
            s += text_at(x0 - 6, y.at(tick) + 4, "end", number(tick));
        }
        if (x.has(p.mark)) s += line(x.at(p.mark), y0, x.at(p.mark), y1, "stroke=\"#707070\" stroke-dasharray=\"1 3\"");
        s += "<rect x=\"" + pixels(x0) + "\" y=\"" + pixels(y0) + "\" width=\"" + pixels(x1 - x0) + "\" height=\"" +
             pixels(y1 - y0) + "\" fill=\"none\" stroke=\"#404040\"/>\n";
        s += text_at((x0 + x1) / 2, y1 + 34, "middle", p.x.title);
        if (!p.y.title.empty())
            s += text_at(0, 0, "middle", p.y.title,
                         " transform=\"translate(" + pixels(left + 14) + " " + pixels((y0 + y1) / 2) +
                             ") rotate(-90)\"");
        for (const PlotSeries& series : p.series) s += lines(series, x, y);
        return s;
    }

    std::string lines(const PlotSeries& series, const Scale& x, const Scale& y) const {
        const Style& style = style_of(series.name);
        std::string path, markers;
        bool drawn = false;
        for (size_t i = 0; i < series.x.size(); ++i) {
            if (!x.has(series.x[i]) || !y.has(series.y[i])) {
                drawn = false;
                continue;
            }
            const double px = x.at(series.x[i]), py = y.at(series.y[i]);
            path += (drawn ? "L" : "M") + pixels(px) + " " + pixels(py);
            drawn = true;
            if (series.markers) markers += marker(style, px, py);
        }
        return path.empty() ? "" : "<path d=\"" + path + "\" " + stroke(style) + "/>\n" + markers;
    }

    const Plot& plot_;
    std::vector<std::string> names_; // in the order of the legend
};

} // namespace

std::string plot_svg(const Plot& plot) { return Painter(plot).run(); }

} // namespace app
