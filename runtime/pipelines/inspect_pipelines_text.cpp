// SPDX-License-Identifier: Apache-2.0
// L6: the table of a model's pipelines for people.
#include <algorithm>
#include <weft/inspect.hpp>

namespace weft {

std::string Inspection::pipelines_text() const {
    std::vector<std::vector<std::string>> rows = {{"pipeline"}};
    for (const std::string& program : programs) rows[0].push_back(program);
    const std::pair<const char*, std::optional<uint64_t> InspectedPipeline::*> numbers[] = {
        {"registers", &InspectedPipeline::registers}, {"spills", &InspectedPipeline::spills},
        {"scratch", &InspectedPipeline::scratch},     {"shared", &InspectedPipeline::shared_bytes},
        {"waves", &InspectedPipeline::waves},         {"instructions", &InspectedPipeline::instructions},
        {"cycles", &InspectedPipeline::cycles}};
    bool said = false;
    for (const auto& [name, field] : numbers) rows[0].push_back(name);
    rows[0].push_back("lanes");
    for (const InspectedPipeline& p : pipelines) {
        std::vector<std::string> row = {p.kernel + "." + p.tier};
        for (const uint32_t n : p.calls) row.push_back(n ? std::to_string(n) : "-");
        for (const auto& [name, field] : numbers) {
            row.push_back(p.*field ? std::to_string(*(p.*field)) : "-");
            said |= bool(p.*field);
        }
        row.push_back(p.subgroup_size ? std::to_string(p.subgroup_size) : "-");
        rows.push_back(std::move(row));
    }
    std::vector<size_t> wide(rows[0].size());
    for (const auto& row : rows)
        for (size_t i = 0; i < row.size(); ++i) wide[i] = std::max(wide[i], row[i].size());
    std::string s;
    for (size_t n = 0; n < rows.size(); ++n) {
        for (size_t i = 0; i < rows[n].size(); ++i) {
            const std::string gap(wide[i] - rows[n][i].size(), ' ');
            s += i == 0 ? rows[n][i] + gap : "  " + gap + rows[n][i];
        }
        if (n > 0)
            for (const auto& [name, value] : pipelines[n - 1].constants) s += "  " + name + "=" + std::to_string(value);
        s += "\n";
    }
    return said || pipelines.empty() ? s : s + device + ": the driver says nothing of its pipelines\n";
}

} // namespace weft
