// SPDX-License-Identifier: Apache-2.0
// L6: an Inspection as a table, as JSON and as a picture.
#include "base/json.hpp"
#include <algorithm>
#include <cmath>
#include <weft/inspect.hpp>

namespace weft {
using namespace detail;
namespace {

std::string bytes_text(uint64_t bytes) {
    char s[32];
    if (bytes >= 1u << 30) std::snprintf(s, sizeof s, "%.2f GiB", double(bytes) / (1u << 30));
    else if (bytes >= 1u << 20) std::snprintf(s, sizeof s, "%.1f MiB", double(bytes) / (1u << 20));
    else if (bytes >= 1u << 10) std::snprintf(s, sizeof s, "%.1f KiB", double(bytes) / (1u << 10));
    else std::snprintf(s, sizeof s, "%llu B", static_cast<unsigned long long>(bytes));
    return s;
}

std::string count_text(uint64_t n) {
    char s[32];
    if (n >= 1000000000) std::snprintf(s, sizeof s, "%.2f G", double(n) * 1e-9);
    else if (n >= 1000000) std::snprintf(s, sizeof s, "%.2f M", double(n) * 1e-6);
    else if (n >= 1000) std::snprintf(s, sizeof s, "%.1f k", double(n) * 1e-3);
    else std::snprintf(s, sizeof s, "%llu", static_cast<unsigned long long>(n));
    return s;
}

// In hexadecimal: JSON's numbers lose bits above 2^53 in many readers.
std::string hash_text(uint64_t hash) {
    char s[20];
    std::snprintf(s, sizeof s, "%016llx", static_cast<unsigned long long>(hash));
    return s;
}

uint64_t constant_bytes(const InspectedBlock& b) {
    uint64_t sum = 0;
    for (const InspectedState& s : b.states) sum += s.law == InspectedState::Law::constant ? s.bytes : 0;
    return sum;
}
uint64_t bytes_per_row(const InspectedBlock& b) {
    uint64_t sum = 0;
    for (const InspectedState& s : b.states) sum += s.law == InspectedState::Law::constant ? 0 : s.bytes;
    return sum;
}
// A memory has rows of another stage, such as a tower's.
const char* row_name(const InspectedBlock& b) {
    const auto memory = [](const InspectedState& s) { return s.law == InspectedState::Law::memory; };
    return std::ranges::any_of(b.states, memory) ? "row" : "token";
}
// Tokens after which the states stop growing; 0: never.
uint32_t grows_to(const InspectedBlock& b) {
    for (const InspectedState& s : b.states)
        if (s.law == InspectedState::Law::ring) return s.capacity;
    return 0;
}

// Of states, each kind once: "keys in a ring, values in a ring".
std::string names_of(const std::vector<InspectedState>& states, const char* between) {
    std::vector<std::string> names;
    for (const InspectedState& s : states) {
        std::string name = s.law == InspectedState::Law::memory ? "memory" : s.name;
        if (s.law == InspectedState::Law::ring) name += " in a ring";
        if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    }
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : between) + name;
    return all;
}

std::string state_text(const InspectedBlock& b) {
    std::string s = names_of(b.states, ", ");
    const uint64_t rows = bytes_per_row(b), constant = constant_bytes(b);
    if (rows)
        s += ": " + bytes_text(rows) + " a " + row_name(b) +
             (grows_to(b) ? ", to " + std::to_string(grows_to(b)) + " tokens" : "");
    if (constant) s += (rows ? " and " : ": ") + bytes_text(constant);
    return s;
}

uint64_t state_at(const Inspection& in, uint64_t tokens) {
    uint64_t sum = 0;
    for (const auto& b : in.blocks)
        sum += constant_bytes(b) + bytes_per_row(b) * (grows_to(b) ? std::min<uint64_t>(tokens, grows_to(b)) : tokens);
    return sum;
}

std::string escaped(const std::string& s) {
    std::string out;
    for (char c : s)
        out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
    return out;
}

constexpr const char* kOrders[] = {"windows", "rows", "columns", "snake", "snake_columns", "routed"};

std::string text_of(const InspectedView& view) {
    if (view.order == InspectedView::Order::windows)
        return "windows of " + std::to_string(view.window) +
               (view.shift ? ", shifted by " + std::to_string(view.shift) : "");
    std::string words = kOrders[size_t(view.order)];
    if (view.mirrored) words += ", mirrored";
    return view.reversed ? words + ", reversed" : words;
}

std::string text_of(const InspectedOp& op, const std::optional<InspectedView>& view) {
    return op.name + " (" + op.words + (view ? ", in " + text_of(*view) : "") + ")";
}

std::string text_of(const InspectedBlock& b) {
    std::string s;
    for (const InspectedOp& op : b.ops) s += (s.empty() ? "" : " + ") + text_of(op, b.view);
    return s;
}

std::string rows_text(const InspectedStage& s) {
    constexpr const char* kinds[] = {"tokens of ",
                                     "patches of ",
                                     "wanted rows of ",
                                     "the first row of ",
                                     "the last row of ",
                                     "the mean of ",
                                     "rows beside the patches of ",
                                     " merged rows of ",
                                     " rows of ",
                                     "the marked row of "};
    const std::string text = kinds[size_t(s.rows)] + s.of;
    const std::string sides = std::to_string(s.down) + " x " + std::to_string(s.across);
    if (s.rows == InspectedStage::Rows::merged) return sides + text;
    return s.rows == InspectedStage::Rows::padded ? "multiples of " + sides + text : text;
}

std::string text_of(const InspectedStage& s) {
    constexpr const char* when[] = {"", ", once", ", when given"};
    return s.name + ", " + std::to_string(s.width) + " wide: " + rows_text(s) + when[size_t(s.when)];
}

const char* name_of(InspectedKey::Made made) {
    constexpr const char* names[] = {"used", "no effect", "not used"};
    return names[size_t(made)];
}

std::string text_of(const InspectedTensor& t) {
    std::string shape;
    for (const uint64_t n : t.shape) shape += (shape.empty() ? "" : ", ") + std::to_string(n);
    return t.name + " " + t.type + " [" + shape + "]";
}

void put(Json& to, const InspectedField& field) {
    std::visit([&](const auto& value) { to[field.name] = value; }, field.value);
}

Json json_of(const InspectedPipeline& p) {
    Json j{{"kernel", p.kernel}, {"tier", p.tier},           {"constants", Json::object()},
           {"calls", p.calls},   {"lanes", p.subgroup_size}, {"numbers", Json::object()}};
    for (const auto& constant : p.constants) j["constants"][constant.name] = constant.value;
    const std::pair<const char*, const std::optional<uint64_t>&> numbers[] = {
        {"registers", p.registers}, {"spills", p.spills}, {"scratch", p.scratch},
        {"shared", p.shared_bytes}, {"waves", p.waves},   {"instructions", p.instructions},
        {"cycles", p.cycles}};
    for (const auto& [name, value] : numbers)
        if (value) j[name] = *value;
    for (const InspectedField& field : p.numbers) put(j["numbers"], field);
    return j;
}

std::string html_colour(uint32_t rgb) {
    char s[8];
    std::snprintf(s, sizeof s, "#%06x", rgb & 0xffffff);
    return s;
}

} // namespace

std::string Inspection::text() const {
    std::string s = path + (architecture.empty() ? "" : ": " + architecture) + ", " + count_text(parameters) +
                    " parameters, " + bytes_text(weight_bytes) + " of weights\n";
    for (const auto& t : tensors) s += "  " + text_of(t) + "\n";
    if (!tensors.empty()) return s;
    if (vocabulary) s += "vocabulary " + std::to_string(vocabulary) + (trained_context ? ", " : "\n");
    if (trained_context) s += "trained on " + std::to_string(trained_context) + (vocabulary ? " tokens\n" : " rows\n");
    size_t ops_width = 10;
    for (const auto& b : blocks) ops_width = std::max(ops_width, text_of(b).size());
    char line[64];
    for (size_t i = 0; i < blocks.size(); ++i) {
        const auto& b = blocks[i];
        if (i == 0 || blocks[i - 1].stage != b.stage) s += "\n" + text_of(stages[b.stage]) + "\n";
        const bool first = i == 0 || blocks[i - 1].layer != b.layer;
        std::snprintf(line, sizeof line, "%5s  ", first && b.layer ? std::to_string(*b.layer).c_str() : "");
        const std::string ops = text_of(b);
        s += line + ops + std::string(ops_width - ops.size() + 2, ' ');
        std::snprintf(line, sizeof line, "%9s  ", count_text(b.parameters).c_str());
        s += line + state_text(b) + "\n";
    }
    s += "\nstate of a sequence" + (cache.empty() ? "" : ", keys and values in " + cache) + ":";
    if (state_at(*this, 1) == 0) s += " none, sequences come whole";
    else
        for (uint64_t tokens : {uint64_t(256), uint64_t(4096), uint64_t(32768), uint64_t(131072)})
            s += "  " + std::to_string(tokens) + " tokens " + bytes_text(state_at(*this, tokens));
    s += "\nmemory for a context of " + std::to_string(context) + ": weights " + bytes_text(weight_bytes) +
         ", states " + bytes_text(state_bytes);
    if (activation_bytes) s += ", activations " + bytes_text(activation_bytes);
    s += "\n";
    if (!device.empty()) {
        s += "\non " + device + ":\n";
        for (const auto& k : kernels)
            s += "  " + k.name + "." + k.tier + ": " + std::to_string(k.prefill_calls) + " calls in prefill, " +
                 std::to_string(k.decode_calls) + " in decode (" + k.why + ")\n";
        s += problems.empty() ? "  every operation runs on this device\n" : "";
    }
    if (!problems.empty()) s += "cannot run:\n";
    for (const auto& p : problems) s += "  - " + p + "\n";
    return s;
}

std::string Inspection::keys_text() const {
    size_t wide = 0;
    for (const auto& k : keys) wide = std::max(wide, k.key.size());
    std::string s;
    for (const auto& k : keys)
        s += k.key + std::string(wide - k.key.size() + 2, ' ') + name_of(k.made) + (k.why.empty() ? "" : ": " + k.why) +
             "\n";
    return s;
}

std::string Inspection::weights_text() const {
    size_t wide = 0;
    for (const auto& w : weights) wide = std::max(wide, w.name.size());
    std::string s;
    for (const auto& w : weights) {
        std::string shape;
        for (const uint32_t n : w.shape) shape += (shape.empty() ? "[" : ", ") + std::to_string(n);
        s +=
            w.name + std::string(wide - w.name.size() + 2, ' ') + shape + "]" + (w.computed ? "  computed" : "") + "\n";
    }
    return s;
}

std::string Inspection::json() const {
    Json j{{"path", path},
           {"architecture", architecture},
           {"vocabulary", vocabulary},
           {"width", width},
           {"trained_context", trained_context},
           {"parameters", parameters},
           {"weight_bytes", weight_bytes},
           {"context", context},
           {"cache", cache},
           {"state_bytes", state_bytes},
           {"activation_bytes", activation_bytes},
           {"hash", hash_text(hash)},
           {"device", device},
           {"problems", problems},
           {"tensors", Json::array()},
           {"stages", Json::array()},
           {"blocks", Json::array()},
           {"kernels", Json::array()},
           {"keys", Json::array()}};
    constexpr const char* rows[] = {"tokens", "patches", "wanted", "first", "last",
                                    "mean",   "extra",   "merged", "padded"};
    constexpr const char* whens[] = {"every_step", "once", "given"};
    constexpr const char* laws[] = {"constant", "rows", "ring", "memory"};
    for (const InspectedTensor& tensor : tensors)
        j["tensors"].push_back({{"name", tensor.name}, {"type", tensor.type}, {"shape", tensor.shape}});
    for (const InspectedStage& stage : stages)
        j["stages"].push_back({{"name", stage.name},
                               {"rows", rows[size_t(stage.rows)]},
                               {"of", stage.of},
                               {"down", stage.down},
                               {"across", stage.across},
                               {"width", stage.width},
                               {"when", whens[size_t(stage.when)]}});
    for (const auto& b : blocks) {
        Json ops = Json::array(), states = Json::array(), view;
        if (b.view)
            view = {{"name", b.view->name},         {"order", kOrders[size_t(b.view->order)]},
                    {"window", b.view->window},     {"shift", b.view->shift},
                    {"mirrored", b.view->mirrored}, {"reversed", b.view->reversed}};
        for (const InspectedOp& op : b.ops) {
            Json fields = Json::object();
            for (const InspectedField& field : op.fields) put(fields, field);
            ops.push_back({{"name", op.name}, {"fields", std::move(fields)}, {"words", op.words}});
        }
        for (const InspectedState& s : b.states)
            states.push_back(
                {{"name", s.name}, {"law", laws[size_t(s.law)]}, {"bytes", s.bytes}, {"capacity", s.capacity}});
        j["blocks"].push_back({{"stage", stages[b.stage].name},
                               {"layer", b.layer ? Json(*b.layer) : Json()},
                               {"view", std::move(view)},
                               {"ops", std::move(ops)},
                               {"parameters", b.parameters},
                               {"states", std::move(states)}});
    }
    for (const auto& k : kernels)
        j["kernels"].push_back({{"name", k.name},
                                {"tier", k.tier},
                                {"why", k.why},
                                {"prefill_calls", k.prefill_calls},
                                {"decode_calls", k.decode_calls}});
    if (!pipelines.empty()) j["programs"] = programs;
    for (const InspectedPipeline& p : pipelines) j["pipelines"].push_back(json_of(p));
    for (const auto& k : keys) j["keys"].push_back({{"key", k.key}, {"made", name_of(k.made)}, {"why", k.why}});
    return j.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string Inspection::svg() const {
    constexpr int row = 22, left = 46, box = 400, notes = 290, plot = 300;
    const int rows = int(std::max<size_t>(blocks.size() + stages.size(), 10)), height = 60 + rows * row + 20,
              width_px = left + box + notes + plot;
    std::string s =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + std::to_string(width_px) + "\" height=\"" +
        std::to_string(height) +
        "\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    const auto text = [&](int x, int y, const std::string& t, const char* extra = "") {
        s += "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" " + extra + ">" + escaped(t) +
             "</text>\n";
    };
    text(10, 20,
         architecture + ": " + count_text(parameters) + " parameters, " + bytes_text(weight_bytes) + " of weights",
         "font-size=\"14\" font-weight=\"bold\"");
    text(left, 44, "layer: operation", "fill=\"#555\"");
    text(left + box + 8, 44, "parameters, state", "fill=\"#555\"");
    int at = 54;
    for (size_t i = 0; i < blocks.size(); ++i) {
        const auto& b = blocks[i];
        if (i == 0 || blocks[i - 1].stage != b.stage) {
            text(10, at + 15, text_of(stages[b.stage]), "font-weight=\"bold\" fill=\"#333\"");
            at += row;
        }
        const int y = at;
        at += row;
        if (b.layer && (i == 0 || blocks[i - 1].layer != b.layer))
            text(14, y + 15, std::to_string(*b.layer), "fill=\"#555\"");
        for (size_t n = 0; n < b.ops.size(); ++n) { // ops side by side share the row
            const int wide = box / int(b.ops.size()), x = left + int(n) * wide, letters = (wide - 8) / 6;
            s += "<rect x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y + 1) + "\" width=\"" +
                 std::to_string(wide - 2) + "\" height=\"" + std::to_string(row - 3) + "\" rx=\"4\" fill=\"" +
                 html_colour(b.ops[n].colour) + "\"/>\n";
            const std::string words = text_of(b.ops[n], b.view);
            text(x + 6, y + 15, int(words.size()) > letters ? words.substr(0, size_t(letters - 3)) + "..." : words);
        }
        std::string note = count_text(b.parameters);
        const std::string kinds = names_of(b.states, " + ");
        const uint64_t row_bytes = bytes_per_row(b), constant = constant_bytes(b);
        if (row_bytes) note += ", " + bytes_text(row_bytes) + "/" + row_name(b);
        if (constant) note += (row_bytes ? " + " : ", ") + bytes_text(constant);
        text(left + box + 8, y + 15, note + (kinds.empty() ? "" : " (" + kinds + ")"));
    }
    // State against context, both axes in powers of two.
    const int x0 = left + box + notes, y0 = 54 + 8 * row, plot_width = plot - 60, plot_height = 7 * row;
    const uint64_t top = std::max<uint64_t>(1, state_at(*this, 131072)),
                   bottom = std::max<uint64_t>(1, state_at(*this, 256));
    const auto log2of = [](uint64_t n) { return std::log2(double(std::max<uint64_t>(1, n))); };
    const double low = log2of(bottom), high = log2of(top);
    text(x0, 44, "state against tokens, both logarithmic", "fill=\"#555\"");
    s += "<polyline fill=\"none\" stroke=\"#444\" points=\"" + std::to_string(x0) + "," +
         std::to_string(y0 - plot_height) + " " + std::to_string(x0) + "," + std::to_string(y0) + " " +
         std::to_string(x0 + plot_width) + "," + std::to_string(y0) +
         "\"/>\n<polyline fill=\"none\" stroke=\"#c0392b\" stroke-width=\"2\" points=\"";
    for (int e = 8; e <= 17; ++e) {
        const double fraction = double(log2of(state_at(*this, uint64_t(1) << e)) - low) / std::max(1.0, high - low);
        s += std::to_string(x0 + (e - 8) * plot_width / 9) + "," + std::to_string(y0 - int(fraction * plot_height)) +
             " ";
    }
    s += "\"/>\n";
    text(x0, y0 + 14, "256");
    text(x0, y0 + 28, bytes_text(bottom));
    text(x0 + plot_width, y0 + 14, "131072", "text-anchor=\"end\"");
    text(x0 + plot_width, y0 + 28, bytes_text(top), "text-anchor=\"end\"");
    return s + "</svg>\n";
}

} // namespace weft
