#include "cli/compose/mistakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "cli/errors.h"
#include "cli/json_text.h"
#include "cli/terminal_text.h"

namespace skiff::cli::compose {

namespace {

// Where "FILE:LINE: TEXT" says that it is. What is about no place comes last.
struct Spot {
  bool is_nowhere = true;
  std::string_view file = {};
  int line = 0;
  auto operator<=>(const Spot&) const = default;
};

Spot SpotOf(std::string_view told) {
  for (size_t end = told.find(": "); end != told.npos; end = told.find(": ", end + 1)) {
    const size_t colon = told.substr(0, end).rfind(':');
    if (colon == told.npos) continue;
    int line = 0;
    const auto [stop, code] = std::from_chars(told.data() + colon + 1, told.data() + end, line);
    if (code == std::errc() && stop == told.data() + end) {
      return {false, told.substr(0, colon), line};
    }
  }
  return {};
}

}  // namespace

void Mistakes::Add(const std::string& line) {
  if (known_.insert(line).second) lines_.push_back(line);
}

Result<> Mistakes::Told() const {
  if (lines_.empty()) return {};
  std::vector<std::string> told = lines_;
  std::stable_sort(told.begin(), told.end(), [](const std::string& a, const std::string& b) {
    return SpotOf(a) < SpotOf(b);
  });
  if (told.size() > kWrongMax) {
    told.resize(kWrongMax);
    told.push_back(fmt::format("... and {} more", lines_.size() - kWrongMax));
  }
  return CliError(WithoutControls(Join(told, "\n")));
}

}  // namespace skiff::cli::compose
